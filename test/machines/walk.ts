import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type AnyTransitionDefinition,
  type EventObject,
  initialTransition,
  transition,
} from 'xstate'

/** Sample events by descriptor; what is absent is sent with nothing but its type. */
export type Samples = Readonly<Record<string, readonly EventObject[]>>

export interface Walk {
  /** Ids of states that were active. */
  readonly states: ReadonlySet<string>
  /** Transitions that were taken, as `source event → targets`. */
  readonly transitions: ReadonlySet<string>
}

/**
 * Walks a chart breadth-first by pure transitions: from every configuration reached, every event any state declares is
 * tried with every sample. Actions that speak to other actors must have been provided as no-ops.
 */
export function walk(machine: AnyStateMachine, input: unknown, samples: Samples, limit = 4000): Walk {
  const states = new Set<string>()
  const transitions = new Set<string>()
  const seen = new Set<string>()
  const events = [...new Set(declared(machine).map(({ eventType }) => eventType))]
    .filter((type) => type !== '')
    .flatMap((type) => samples[type] ?? [{ type }])
  const [first] = initialTransition(machine, input as never)
  const queue: AnyMachineSnapshot[] = [first]
  for (let snapshot = queue.shift(); snapshot; snapshot = queue.shift()) {
    const key = JSON.stringify([snapshot.value, snapshot.context])
    if (seen.has(key)) continue
    if (seen.size >= limit) throw new Error(`the walk does not end: ${key}`)
    seen.add(key)
    for (const { id } of snapshot._nodes) states.add(id)
    if (snapshot.status !== 'active') continue
    for (const event of events) {
      for (const taken of machine.getTransitionData(snapshot, event)) transitions.add(name(taken))
      queue.push(transition(machine, snapshot, event as never)[0] as AnyMachineSnapshot)
    }
  }
  return { states, transitions }
}

/** All transitions that a chart declares, those after delays and of its children's ends included. */
export function declared(machine: AnyStateMachine): AnyTransitionDefinition[] {
  return nodes(machine).flatMap((node) => [...node.transitions.values()].flat())
}

export function nodes(machine: AnyStateMachine): AnyStateMachine['root'][] {
  const all: AnyStateMachine['root'][] = []
  const visit = (node: AnyStateMachine['root']) => {
    all.push(node)
    for (const child of Object.values(node.states)) visit(child as AnyStateMachine['root'])
  }
  visit(machine.root)
  return all
}

export function name(taken: AnyTransitionDefinition): string {
  const guard = typeof taken.guard === 'string' ? ` [${taken.guard}]` : ''
  return `${taken.source.id} ${taken.eventType}${guard} → ${taken.target?.map(({ id }) => id).join(',') ?? 'itself'}`
}
