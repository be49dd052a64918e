import { pending } from './durable-copies.ts'
import { type Judge, none } from './judge.ts'

/**
 * A record with a producer's sequence is stored once by one origin, however often and to however many of its runs it was
 * sent, and has one id in all answers of that origin. Two origins may both have it: who fails over meets a node that has
 * not heard of the first. Where the beginning of a topic may go, the memory of it may go with it.
 */
export function storedOnce(): Judge {
  const stored = new Map<string, string>()
  const answered = new Map<string, string>()
  return {
    name: 'storedOnce',
    happened(fact, universe) {
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
      if (operation.kind !== 'produce' || operation.place === undefined) return none
      const { answer } = operation
      if (answer === undefined) return none
      const told = answer.ok ? answer : pending(answer.code, answer.facts)
      if (told === undefined || universe.topics.expires(operation.topic)) return none
      const origin = told.log.split('/')[1] as string
      if (universe.isForgetful(origin) || universe.topics.deletedAt(operation.topic) > 0n) return none
      const key = `${operation.topic}/${origin}/${operation.place}`
      const id = `${told.log}/${told.base}`
      const first = answered.get(key)
      if (first === undefined) answered.set(key, id)
      else if (first !== id) return [{ node: operation.node, reason: `${key} was answered as ${first} and as ${id}` }]
      return none
    },
  }
}
