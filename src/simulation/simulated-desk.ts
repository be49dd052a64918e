import type { Host } from './host.ts'
import { Process } from './process.ts'
import { writerTls } from './registrar.ts'
import { SimulatedRpc } from './rpc.ts'
import { Desk } from './workload/desk.ts'
import type { World } from './world.ts'

/** A process of its own on the machine of a node, or on any other. */
export function simulatedDesk(world: World, host: Host): Desk {
  const process = new Process(host.index, world.network.timeline, (error) => {
    throw error
  })
  const rpc = new SimulatedRpc({
    network: world.network,
    machine: host,
    process,
    certificate: undefined,
    wallMs: () => host.wallMs,
  })
  return new Desk(rpc, writerTls)
}
