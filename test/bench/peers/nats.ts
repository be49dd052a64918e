/** NATS servers with JetStream and its file store. */

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePorts } from '../../../src/cli/demo/ports.ts'
import type { Process } from '../process.ts'
import type { Stage } from '../stage.ts'

export const natsName = 'JetStream'

/** A version, or undefined where it is not installed. */
export function natsVersion(): string | undefined {
  try {
    return /v([\d.]+)/.exec(execFileSync('nats-server', ['--version'], { encoding: 'utf8' }))?.[1]
  } catch {
    return undefined
  }
}

/** A stream with a replica on each of so many servers; the port of one of them. */
export async function startNats(stage: Stage, count: 1 | 3, client: Process): Promise<number> {
  const ports = await freePorts(2 * count)
  const routes = ports.slice(count).map((port) => `"nats://127.0.0.1:${port}"`)
  const servers = ports.slice(0, count).map((port, index) => {
    const folder = stage.folder()
    const file = join(folder, 'nats.conf')
    const cluster = `cluster { name: bench, host: 127.0.0.1, port: ${ports[count + index]}, routes: [${routes}] }`
    writeFileSync(
      file,
      [
        'host: 127.0.0.1',
        `port: ${port}`,
        `server_name: nats-${index + 1}`,
        `jetstream { store_dir: "${join(folder, 'store')}", max_mem: 1G, max_file: 50G }`,
        ...(count > 1 ? [cluster] : []),
      ].join('\n'),
    )
    return stage.run(`nats-${index + 1}`, ['nats-server', '-c', file])
  })
  await Promise.all(servers.map((server) => server.said('Server is ready')))
  const port = ports[0] as number
  await client.ask({ port, task: 'create', replicas: count })
  return port
}
