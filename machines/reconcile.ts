import type { Peer } from './messages.ts'

/** A replicator that exists (or crashed and is due to be spawned again). */
export interface Replica {
  /** The peer it was last told to copy from. */
  readonly peer: Peer
  readonly order: 'run' | 'park' | 'crashed'
  readonly streaming: boolean
  readonly caughtUp: boolean
  readonly crashes: number
}

export interface Step {
  readonly order: 'stop' | 'spawn' | 'park' | 'resume'
  readonly peer: Peer
}

/** A replicator that crashes this often is left alone until its peer shows up under another run or address. */
export const crashLimit = 5

/**
 * The steps from the replicators that run to those that are wanted. Depends on the two states alone, never on which
 * events led there: applied twice, the second time it does nothing.
 */
export function reconcile(
  wanted: readonly (Peer & { readonly up: boolean })[],
  running: readonly Replica[],
): { steps: Step[]; replicas: Replica[] } {
  const steps: Step[] = []
  const replicas: Replica[] = []
  for (const replica of running) {
    if (!wanted.some(({ name }) => name === replica.peer.name)) steps.push({ order: 'stop', peer: replica.peer })
  }
  for (const { up, ...peer } of wanted) {
    const replica = running.find((r) => r.peer.name === peer.name)
    const moved = replica !== undefined && (replica.peer.epoch !== peer.epoch || replica.peer.address !== peer.address)
    const step = nextStep(up, moved, replica)
    // The remains of a crashed actor still hold its id; spawning over them would orphan them.
    if (step === 'spawn' && replica) steps.push({ order: 'stop', peer })
    if (step) steps.push({ order: step, peer })
    if (step === 'spawn' || step === 'resume') replicas.push(started(peer, moved ? 0 : (replica?.crashes ?? 0)))
    else if (step === 'park') replicas.push({ ...replica!, order: 'park', streaming: false, caughtUp: false })
    else if (replica) replicas.push(replica)
  }
  return { steps, replicas }
}

function nextStep(up: boolean, moved: boolean, replica: Replica | undefined): Step['order'] | undefined {
  if (!up) return replica?.order === 'run' ? 'park' : undefined
  if (!replica) return 'spawn'
  if (replica.order === 'crashed') return moved || replica.crashes < crashLimit ? 'spawn' : undefined
  return replica.order === 'park' || moved ? 'resume' : undefined
}

const started = (peer: Peer, crashes: number): Replica => ({
  peer,
  order: 'run',
  streaming: false,
  caughtUp: false,
  crashes,
})
