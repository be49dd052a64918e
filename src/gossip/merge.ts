/** Takes in the nodes that another member knows: the failure-detection half of an exchange of state. */

import { NodeState, type PushPullNode } from './messages.ts'
import type { Swim } from './swim.ts'
import { isSaneVsn, versionProblem } from './versions.ts'

/**
 * Everything or nothing: when any node on either side speaks what an alive one does not understand, the text says so
 * and nothing was merged. Entries without usable versions are left out instead; one ghost would separate everybody.
 * `first` is called before anything is, where all can be.
 */
export function mergeNodes(
  swim: Swim,
  entries: readonly PushPullNode[],
  nowMs: number,
  first: () => void = () => {},
): string | undefined {
  const usable = entries.filter((entry) => isSaneVsn(entry.vsn))
  const known = [...swim.list]
  const alive = [...usable, ...known].filter((node) => node.state === NodeState.alive)
  const problem = versionProblem(
    [...usable, ...known],
    alive.map((node) => node.vsn),
  )
  if (problem) return problem
  first()
  for (const { name: node, incarnation, ...entry } of usable) {
    if (node === swim.self.name) swim.recognise(entry.addr, entry.port)
    switch (entry.state) {
      case NodeState.alive:
        swim.alive(
          { kind: 'alive', node, incarnation, addr: entry.addr, port: entry.port, meta: entry.meta, vsn: entry.vsn },
          nowMs,
        )
        break
      case NodeState.left:
        swim.dead({ kind: 'dead', node, incarnation, from: node }, nowMs)
        break
      case NodeState.dead:
      case NodeState.suspect:
        // Not dead on hearsay: it gets the chance to refute.
        swim.suspect({ kind: 'suspect', node, incarnation, from: swim.self.name }, nowMs)
        break
      default:
        break
    }
  }
  return undefined
}

/** What we know, ourselves and the gone included, for the other side. */
export function stateOf(swim: Swim): PushPullNode[] {
  return Array.from(swim.list, ({ name, addr, port, meta, incarnation, state, vsn }) => ({
    name,
    addr,
    port,
    meta,
    incarnation,
    state,
    vsn,
  }))
}
