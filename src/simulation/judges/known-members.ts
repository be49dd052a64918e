import type { MembersAsked } from '../history.ts'
import type { Finding, Judge, Rest } from './judge.ts'

/** Once all is quiet every node says that the nodes that run are alive, and no other. */
export function knownMembers(): Judge {
  return {
    name: 'knownMembers',
    rests({ history, live }) {
      const last = new Map<string, MembersAsked>()
      for (const operation of history.operations) if (operation.kind === 'members') last.set(operation.node, operation)
      const alive = live.map(({ name }) => name).sort()
      return live.flatMap(({ node }): Finding[] => {
        const answer = last.get(node)?.answer
        if (answer?.ok && [...answer.alive].sort().join(' ') === alive.join(' ')) return []
        const said = answer?.ok ? `[${[...answer.alive].sort().join(' ')}]` : (answer?.code ?? 'nothing')
        return [{ node, reason: `says of its members ${said}, alive are [${alive.join(' ')}]` }]
      })
    },
  }
}

/** Of a node of this name, which has just said goodbye, everybody must say so: it is not tried again for a day. */
export function leftUnheard(name: string, { history, live }: Pick<Rest, 'history' | 'live'>): Finding[] {
  const last = new Map<string, MembersAsked>()
  for (const operation of history.operations) if (operation.kind === 'members') last.set(operation.node, operation)
  return live.flatMap(({ node }): Finding[] => {
    const answer = last.get(node)?.answer
    if (answer?.ok && answer.left?.includes(name)) return []
    return [{ node, reason: `does not say that ${name} has left` }]
  })
}
