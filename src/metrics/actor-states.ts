import type { AnyActorRef, AnyMachineSnapshot } from 'xstate'

/** How many actors have this chart and are in these states; innermost ones, as `streaming.live`. */
export interface ActorCount {
  readonly chart: string
  readonly state: string
  count: number
}

/** Of the actor with this snapshot, and all below it. As many entries as the charts have states, at most. */
export function countActors(root: AnyMachineSnapshot): ActorCount[] {
  const counts = new Map<string, ActorCount>()
  const visit = (snapshot: Partial<AnyMachineSnapshot>) => {
    const chart = snapshot.machine?.id
    if (chart !== undefined && snapshot.status === 'active') {
      for (const state of innermost(snapshot.value)) {
        const key = `${chart} ${state}`
        const counted = counts.get(key)
        if (counted) counted.count++
        else counts.set(key, { chart, state, count: 1 })
      }
    }
    for (const child of Object.values((snapshot.children ?? {}) as Record<string, AnyActorRef | undefined>)) {
      const below = child?.getSnapshot() as Partial<AnyMachineSnapshot> | undefined
      if (below) visit(below)
    }
  }
  visit(root)
  return [...counts.values()]
}

function innermost(value: unknown, path = ''): string[] {
  if (typeof value === 'string') return [`${path}${value}`]
  return Object.entries(value as object).flatMap(([name, inner]) => innermost(inner, `${path}${name}.`))
}
