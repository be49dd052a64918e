/**
 * The judges of the simulator over a real run: recordings say what every disk had at every moment, the history what clients
 * asked and were answered, one clock in which order. All judges take part, for a recording tells what was synced as exactly as
 * a simulated disk. Owns the judgement, and neither clients nor nodes.
 */

import type { History, Operation } from '../history.ts'
import { Bench, type Verdict } from '../judges/bench.ts'
import { DiskView } from '../universe/disk-view.ts'
import { Universe } from '../universe/universe.ts'
import type { DiskStep } from './disk-step.ts'
import { ReplayedDisk } from './replayed-disk.ts'

export type Evidence =
  | { readonly atMs: number; readonly node: string; readonly step: DiskStep }
  /** It has ended. */
  | { readonly atMs: number; readonly operation: Operation }

export class Court {
  readonly universe: Universe
  /** Broken promises, in the order in which they were seen. */
  readonly found: Verdict[] = []
  readonly #bench: Bench
  readonly #disks = new Map<string, ReplayedDisk>()
  readonly #views = new Map<string, DiskView>()

  /** `folders`: of nodes by name, absolute; each node has a disk of its own, for good. */
  constructor(folders: ReadonlyMap<string, string>) {
    this.#bench = new Bench((verdict) => this.found.push(verdict))
    const universe = new Universe((fact) => this.#bench.happened(fact, universe))
    this.universe = universe
    for (const [name, folder] of folders) {
      const disk = new ReplayedDisk(folder)
      universe.named(name, name)
      this.#disks.set(name, disk)
      const view = new DiskView(disk, {
        held: (log, frame, bytes) => universe.held(name, log, frame, bytes),
        durable: (log, frame) => universe.durable(name, log, frame),
        gone: (log, frame, how, wasDurable) => universe.gone(name, log, frame, how, wasDurable),
      })
      this.#views.set(name, view)
    }
  }

  disk(node: string): ReplayedDisk {
    const disk = this.#disks.get(node)
    if (disk === undefined) throw new Error(`no node ${node}`)
    return disk
  }

  /** In the order of time; nothing that comes later may be earlier. */
  hear(evidence: readonly Evidence[]): void {
    for (const each of evidence) {
      if ('step' in each) this.disk(each.node).apply(each.step)
      else {
        this.look()
        this.#bench.ended(each.operation, this.universe)
      }
    }
    this.look()
  }

  /** At the disks. */
  look(): void {
    for (const view of this.#views.values()) view.look()
  }

  /** What does not hold yet of what must hold at rest; clients have asked these nodes for everything, `round` times. */
  rests(history: Pick<History, 'operations'>, nodes: readonly string[], round: number): Verdict[] {
    const live = nodes.map((node) => {
      const bounds = (log: string) => this.#views.get(node)?.bounds(log)
      return { node, name: node, disk: node, bounds }
    })
    return this.#bench.rests({ universe: this.universe, history, live, round })
  }
}

/** One line each, at most `most`. */
export function verdictText(found: readonly Verdict[], most = 20): string {
  const lines = found.slice(0, most).map(({ judge, node, reason }) => `${node}: ${judge}: ${reason}`)
  return [`${found.length} promises broken:`, ...lines].join('\n')
}
