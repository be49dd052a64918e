import { pending } from './durable-copies.ts'
import { type Judge, none } from './judge.ts'

/**
 * A record with a producer's sequence is stored once by one origin, however often and to however many of its runs it was
 * sent, and has one id in all answers of that origin. Two origins may both have it: who fails over meets a node that has
 * not heard of the first; one that has it on its disk has heard. Where the beginning of a topic may go, the memory of it may go with it.
 */
export function storedOnce(): Judge {
  const stored = new Map<string, string>()
  const answered = new Map<string, string>()
  /** By topic, place and disk: what is there, and since when that was seen. */
  const there = new Map<string, { readonly id: string; readonly sinceMs: number }>()
  const arrived = new Map<string, string>()
  return {
    name: 'storedOnce',
    happened(fact, universe) {
      if ((fact.kind === 'reached' || fact.kind === 'gone') && fact.frame.place !== undefined) {
        const { producer, sequence } = fact.frame.place
        const key = `${fact.log.slice(0, fact.log.indexOf('/'))}/${producer}/${sequence}/${fact.disk}`
        if (fact.kind === 'reached') arrived.set(key, `${fact.log}/${fact.frame.base}`)
        else for (const known of [there, arrived]) known.delete(key)
      }
      // What a crash took before it was durable may be written anew by the next run.
      if (fact.kind !== 'lasting' || fact.frame.place === undefined) return none
      const [topic, origin] = fact.log.split('/') as [string, string]
      const { place, base, end } = fact.frame
      if (universe.isForgetful(origin)) return none
      for (let index = 0; index < end - base; index++) {
        const key = `${topic}/${origin}/${place.producer}/${place.sequence + index}`
        const id = `${fact.log}/${base + index}`
        const first = stored.get(key)
        if (first === undefined) stored.set(key, id)
        else if (!universe.topics.expires(topic) && universe.topics.deletedAt(topic) === 0n) {
          return [{ node: fact.disk, reason: `${id} is ${first} once more: sequence ${key}` }]
        }
      }
      return none
    },
    ended(operation, universe) {
      for (const [key, id] of arrived) if (!there.has(key)) there.set(key, { id, sinceMs: operation.endedMs! })
      arrived.clear()
      if (operation.kind !== 'produce' || operation.place === undefined) return none
      const { answer } = operation
      if (answer === undefined) return none
      const told = answer.ok ? answer : pending(answer.code, answer.facts)
      if (told === undefined || universe.topics.expires(operation.topic)) return none
      const origin = told.log.split('/')[1] as string
      if (universe.isForgetful(origin) || universe.topics.deletedAt(operation.topic) > 0n) return none
      const key = `${operation.topic}/${origin}/${operation.place}`
      const id = `${told.log}/${told.base}`
      const known = there.get(`${operation.topic}/${operation.place}/${operation.disk}`)
      if (
        answer.ok &&
        !answer.duplicate &&
        known !== undefined &&
        known.sinceMs < operation.beganMs &&
        known.id !== id
      ) {
        if (!universe.isUnsound(operation.disk))
          return [{ node: operation.node, reason: `${id} is ${known.id} once more, which was on its disk before` }]
      }
      const first = answered.get(key)
      if (first === undefined) answered.set(key, id)
      else if (first !== id) return [{ node: operation.node, reason: `${key} was answered as ${first} and as ${id}` }]
      return none
    },
  }
}
