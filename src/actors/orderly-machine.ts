import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine } from 'xstate'

/**
 * A machine that stops its children when it crashes. XState leaves the children of a machine whose action throws running
 * for ever, with all they hold; here they are stopped first, then the error goes its way to the parent. (Children that
 * the failing transition itself began were never started.)
 */
export function orderlyMachine<TMachine extends AnyStateMachine>(machine: TMachine): TMachine {
  const orderly = Object.create(machine) as TMachine
  orderly.transition = ((snapshot: AnyMachineSnapshot, event, scope) => {
    try {
      return machine.transition(snapshot, event, scope)
    } catch (error) {
      for (const child of Object.values(snapshot.children) as AnyActorRef[]) scope.stopChild(child)
      throw error
    }
  }) as TMachine['transition']
  return orderly
}
