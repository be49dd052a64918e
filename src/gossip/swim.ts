/**
 * Who is alive, suspect, dead or gone: the procedures of SWIM with memberlist's incarnations. Owns the list of nodes and
 * our own incarnation; never probes (`probe.ts`), times suspects (`suspicions.ts`), sends (`courier.ts`) or interprets
 * tags (`serf.ts`).
 */

import type { Agenda } from './agenda.ts'
import type { Awareness } from './awareness.ts'
import type { BroadcastQueue } from './broadcast-queue.ts'
import { sameBytes } from './bytes.ts'
import { flawOf, incarnationFlaw, maxIncarnation } from './credible.ts'
import type { Problem } from './effects.ts'
import { type Endpoint, endpointKey, formatIp } from './ip.ts'
import { encodeMessage } from './memberlist-codec.ts'
import { type Alive, type Dead, NodeState, type Suspect } from './messages.ts'
import { isGone, isUp, maxNodes, NodeList, type NodeRecord } from './node-list.ts'
import type { Profile } from './profile.ts'
import { aliveOf, type Reminder, Reminders } from './reminders.ts'
import { type SuspicionCounts, Suspicions } from './suspicions.ts'
import { canSpeakWith, ourVsn } from './versions.ts'

export interface SwimListener {
  /** Was unknown, dead or left; is alive. */
  joined(node: NodeRecord): void
  /** Is dead or left. */
  departed(node: NodeRecord): void
  /** Has other tags, or another address. */
  updated(node: NodeRecord): void
  conflict(node: NodeRecord, claimed: Endpoint): void
  /** The others know our name at another address. */
  contested(): void
  problem(reason: Problem, detail: string): void
  /** One node is told directly: what is believed of it, so that it can refute, or a refutation. */
  remind(node: NodeRecord, reminder: Reminder): void
}

export interface SwimParts {
  readonly name: string
  readonly addr: Uint8Array
  readonly port: number
  readonly profile: Profile
  readonly random: () => number
  readonly agenda: Agenda
  readonly awareness: Awareness
  /** Named broadcasts about nodes. */
  readonly queue: BroadcastQueue
  readonly listener: SwimListener
}

export class Swim {
  readonly list: NodeList
  readonly #parts: SwimParts
  readonly #suspicions: Suspicions
  readonly #reminders: Reminders
  #leaving = false
  #joined = 0

  constructor(parts: SwimParts) {
    this.#parts = parts
    this.list = new NodeList(parts.random)
    const { name, profile, agenda } = parts
    const unrefuted = (node: NodeRecord, nowMs: number) => this.#condemn(node, nowMs)
    this.#suspicions = new Suspicions({ name, profile, agenda, unrefuted })
    this.#reminders = new Reminders(name, profile.probeIntervalMs)
  }

  get self(): NodeRecord {
    return this.list.get(this.#parts.name) as NodeRecord
  }

  /** What failure detection has of every node, ourselves included. */
  census(): {
    nodes: number
    detected: ReadonlyMap<string, { suspect: boolean; incarnation: number }>
    suspicions: SuspicionCounts
  } {
    const each = Array.from(this.list, ({ name, state, incarnation }) => {
      return [name, { suspect: state === NodeState.suspect, incarnation }] as const
    })
    return { nodes: this.list.size, detected: new Map(each), suspicions: this.#suspicions.counts }
  }

  /** How often a node came, or came back, so far. */
  get joined(): number {
    return this.#joined
  }

  /** Another node that is neither dead nor left is known. */
  get accompanied(): boolean {
    for (const node of this.list) if (node.name !== this.#parts.name && isUp(node)) return true
    return false
  }

  /** Once, first: makes our own record. */
  start(meta: Uint8Array, nowMs: number): void {
    this.#accept(this.#ownAlive(1, meta), nowMs)
  }

  /** Our tags changed. `finished`: everybody should have heard. */
  update(meta: Uint8Array, nowMs: number, finished: () => void): void {
    this.#accept(this.#ownAlive(this.self.incarnation + 1, meta), nowMs, finished)
  }

  /** Says goodbye; from now on nothing makes us alive again. */
  leave(nowMs: number, finished: () => void): void {
    this.#leaving = true
    const { name } = this.#parts
    this.#bury({ kind: 'dead', node: name, from: name, incarnation: this.self.incarnation }, nowMs, finished)
  }

  alive(message: Alive, nowMs: number): void {
    const { name, listener, profile } = this.#parts
    const known = this.list.get(message.node)
    if (known && isKnown(message, known)) return
    const aboutUs = message.node === name
    if (aboutUs && this.#leaving) return
    const flaw = flawOf(message)
    if (flaw) {
      listener.problem('incredible', flaw)
      return
    }
    if (!canSpeakWith(message.vsn)) {
      listener.problem('incompatible', `${message.node} speaks protocol ${message.vsn.join('.')}`)
      return
    }
    if (!known) {
      if (this.list.size >= maxNodes) {
        listener.problem('excess', `more than ${maxNodes} nodes`)
        return
      }
      this.#accept(message, nowMs)
      return
    }
    const claimed = this.#endpointOf(message)
    const moved = known.host !== claimed.host || known.port !== claimed.port
    if (moved) {
      const deadMs = known.state === NodeState.dead ? nowMs - known.stateChangedMs : 0
      const reclaimable = profile.deadNodeReclaimMs > 0 && deadMs > profile.deadNodeReclaimMs
      // Does not answer where we have it, and has refuted that from where it is.
      const found = known.state === NodeState.suspect && message.incarnation > known.incarnation
      if (known.state !== NodeState.left && !reclaimable && !found) {
        listener.conflict(known, claimed)
        if (aboutUs) listener.contested()
        return
      }
    }
    if (aboutUs) {
      if (message.incarnation < known.incarnation) return
      const same = sameBytes(message.meta, known.meta) && sameBytes(message.vsn, known.vsn)
      if (message.incarnation > known.incarnation || !same) this.#refute(message.incarnation, nowMs)
      return
    }
    if (message.incarnation <= known.incarnation && !moved) {
      const reminder = this.#reminders.for(known, message, nowMs)
      if (reminder) listener.remind(known, reminder)
      return
    }
    this.#accept(message, nowMs)
  }

  /**
   * What a node that asks us is to be told when it is not alive to us: that we hold it for dead, and under which
   * incarnation; none, where we do not know it. It is there, so gossip has missed us, and it contradicts at once. Agents
   * of Serf pass over what they have outlived.
   */
  beliefOf(name: string, nowMs: number): Dead | undefined {
    const node = this.list.get(name)
    if (name === '' || this.#leaving || (node && isUp(node))) return undefined
    if (node && !this.#reminders.isDue(node, nowMs)) return undefined
    return { kind: 'dead', node: name, from: this.#parts.name, incarnation: node?.incarnation ?? 0 }
  }

  suspect(message: Suspect, nowMs: number): void {
    const { name, queue, listener } = this.#parts
    const node = this.list.get(message.node)
    if (!node || this.#isOutlived(message, node, nowMs)) return
    if (message.incarnation > maxIncarnation) {
      listener.problem('incredible', incarnationFlaw(message))
      return
    }
    if (this.#suspicions.isRunning(node)) {
      // Made-up accusers must not hurry anybody to death.
      if (this.list.get(message.from)?.state !== NodeState.alive) return
      if (this.#suspicions.confirm(node, message)) queue.add({ name: node.name, bytes: encodeMessage(message) })
      return
    }
    if (node.state !== NodeState.alive) return
    if (message.node === name) {
      this.#suspicions.countOfUs()
      this.#refute(message.incarnation, nowMs)
      return
    }
    queue.add({ name: node.name, bytes: encodeMessage(message) })
    node.incarnation = message.incarnation
    node.state = NodeState.suspect
    node.stateChangedMs = nowMs
    this.#suspicions.begin(node, message, this.list.size, nowMs)
  }

  dead(message: Dead, nowMs: number): void {
    const node = this.list.get(message.node)
    if (!node || this.#isOutlived(message, node, nowMs)) return
    if (message.incarnation > maxIncarnation) {
      this.#parts.listener.problem('incredible', incarnationFlaw(message))
      return
    }
    if (isGone(node)) return
    if (message.node === this.#parts.name) {
      this.#suspicions.countOfUs()
      this.#refute(message.incarnation, nowMs)
      return
    }
    this.#bury(message, nowMs)
  }

  /** Another member holds this address for ours; whether it believes us alive there is another matter. */
  recognise(addr: Uint8Array, port: number): void {
    if (formatIp(addr) !== this.self.host || port !== this.self.port) this.#parts.listener.contested()
  }

  /** Suspects get longer to refute; whoever calls this has postponed the agenda by as much. */
  extendSuspicions(byMs: number): void {
    this.#suspicions.extend(byMs)
  }

  /** Dead and left records leave the list once the others have had time to hear of it. */
  expire(nowMs: number): void {
    const { name, profile } = this.#parts
    this.list.removeWhere(
      (node) => node.name !== name && isGone(node) && nowMs - node.stateChangedMs > profile.gossipToTheDeadMs,
    )
    this.#reminders.forgetUnless((other) => this.list.get(other) !== undefined)
  }

  /** Takes over what an acceptable alive says. */
  #accept(message: Alive, nowMs: number, finished?: () => void): void {
    const { queue, listener } = this.#parts
    let node = this.list.get(message.node)
    const isNew = !node
    const { host, port } = this.#endpointOf(message)
    if (!node) {
      node = {
        name: message.node,
        addr: message.addr,
        host,
        port,
        meta: message.meta,
        vsn: message.vsn,
        incarnation: 0,
        state: NodeState.dead,
        stateChangedMs: nowMs,
      }
      this.list.add(node)
    }
    this.#suspicions.end(node, 'refuted')
    const isOurs = node.name === this.#parts.name
    const ours = finished ? ({ finished, own: true } as const) : isNew ? ({ arrival: 'ours' } as const) : {}
    const manner = isOurs ? ours : ({ arrival: 'heard', known: [endpointKey({ host, port })] } as const)
    queue.add({ name: node.name, bytes: encodeMessage(message), ...manner })
    const wasGone = isGone(node)
    const moved = host !== node.host || port !== node.port
    const changed = moved || !sameBytes(node.meta, message.meta)
    if (moved || !sameBytes(node.addr, message.addr)) this.list.move(node, message.addr, port)
    node.vsn = message.vsn
    node.meta = message.meta
    node.incarnation = message.incarnation
    if (node.state !== NodeState.alive) {
      node.state = NodeState.alive
      node.stateChangedMs = nowMs
    }
    if (wasGone) {
      this.#joined += 1
      listener.joined(node)
    } else if (changed) listener.updated(node)
  }

  /** It has not refuted in time. */
  #condemn(node: NodeRecord, nowMs: number): void {
    if (node.state !== NodeState.suspect) return
    this.#bury({ kind: 'dead', node: node.name, from: this.#parts.name, incarnation: node.incarnation }, nowMs)
  }

  #bury(message: Dead, nowMs: number, finished?: () => void): void {
    const node = this.list.get(message.node) as NodeRecord
    this.#suspicions.end(node, 'confirmed')
    const bytes = encodeMessage(message)
    this.#parts.queue.add({ name: node.name, bytes, ...(finished && { finished, own: true }) })
    node.incarnation = message.incarnation
    node.state = message.node === message.from ? NodeState.left : NodeState.dead
    node.stateChangedMs = nowMs
    this.#parts.listener.departed(node)
  }

  /** Somebody says that we are not alive, or not as we are. Louder than they: we are. */
  #refute(accused: number, nowMs: number): void {
    this.#parts.awareness.add(1)
    const incarnation = Math.min(Math.max(this.self.incarnation, accused) + 1, maxIncarnation)
    this.#accept(this.#ownAlive(incarnation, this.self.meta), nowMs)
  }

  /**
   * Whether the node has refuted that already. Whoever still says it missed the refutation, and would bury the living: it
   * is told.
   */
  #isOutlived({ incarnation, from }: Suspect | Dead, node: NodeRecord, nowMs: number): boolean {
    if (incarnation >= node.incarnation) return false
    const { name, listener } = this.#parts
    const accuser = from === name || from === node.name ? undefined : this.list.get(from)
    if (accuser && node.state === NodeState.alive && this.#reminders.isDue(accuser, nowMs)) {
      listener.remind(accuser, [aliveOf(node)])
    }
    return true
  }

  #ownAlive(incarnation: number, meta: Uint8Array): Alive {
    const { name, addr, port } = this.#parts
    return { kind: 'alive', incarnation, node: name, addr, port, meta, vsn: ourVsn }
  }

  #endpointOf(message: Alive): Endpoint {
    return { host: formatIp(message.addr) ?? '', port: message.port || this.#parts.port }
  }
}

/** Most of what is heard: each member tells everybody's news several times over. */
function isKnown({ incarnation, addr, port, meta, vsn }: Alive, node: NodeRecord): boolean {
  return (
    node.state === NodeState.alive &&
    incarnation === node.incarnation &&
    port === node.port &&
    sameBytes(addr, node.addr) &&
    sameBytes(meta, node.meta) &&
    sameBytes(vsn, node.vsn)
  )
}
