/** What Serf's command line and others said to a real agent, said to ours: it answers in the same shapes. */

import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fromHex, golden, type Json } from '../gossip/golden.ts'
import { FakeAgent } from './fake-agent.ts'
import { Talk } from './talk.ts'

const vectors: Json[] = golden('ipc').vectors
const named = (name: string) => vectors.find((vector) => vector.name === name)
const conversations = vectors.filter(({ name }) => name.endsWith('.requests')).map(({ conversation }) => conversation)

/** Types instead of values; lists by their first element, maps with free keys by one of their values. */
function shape(value: Json, key = ''): unknown {
  if (value === null) return key === 'Payload' ? 'bytes' : 'nil'
  if (value.$hex !== undefined) return 'bytes'
  if (Array.isArray(value)) return value.length > 0 ? [shape(value[0])] : []
  if (typeof value !== 'object') return typeof value
  if (['Tags', 'Messages', 'Keys'].includes(key)) return 'map'
  const known = Object.entries(value).filter(([name]) => name !== 'PrimaryKeys')
  return Object.fromEntries(known.map(([name, inner]) => [name, shape(inner, name)]).sort())
}

const isReply = ({ kind, note }: Json) => kind === 'reply' && note === undefined

describe('recorded conversations', () => {
  for (const conversation of conversations) {
    test(conversation, async () => {
      const requests = named(`${conversation}.requests`)
      const expected: Json[] = named(`${conversation}.responses`).decoded.messages.filter(isReply)
      const agent = new FakeAgent()
      const isAuthenticated = conversation.startsWith('auth-')
      const talk = new Talk(agent, isAuthenticated ? { authKey: 'sesame' } : {})
      if (conversation.includes('respond-to-a-query')) {
        // The query comes between what the client said.
        const at = (2 * requests.hex.indexOf(Buffer.from('respond').toString('hex'))) / 2
        const header = requests.hex.lastIndexOf('82a7436f6d6d616e64', at)
        await talk.say(fromHex(requests.hex.slice(0, header)))
        agent.tell({ kind: 'query', query: agent.received('ask') })
        await talk.say(fromHex(requests.hex.slice(header)))
      } else await talk.say(fromHex(requests.hex))

      const heard = talk.heard() as Json[]
      const isBadPattern = conversation.includes('bad-regexp')
      for (const { header, body } of expected) {
        const index = heard.findIndex((value) => value.Error !== undefined && value.Seq === header.Seq)
        assert.ok(index >= 0, `an answer to ${header.Seq}`)
        const [reply, next] = heard.splice(index, 2) as [Json, Json]
        const failsOutside = /^(1 error occurred|\d\/\d nodes)/.test(header.Error)
        if (!failsOutside) assert.equal(reply.Error, header.Error)
        if (body === undefined) {
          if (next !== undefined) heard.splice(index, 0, next)
        } else if (body.agent) assert.deepEqual([next.agent, typeof next.serf.members], [{ name: 'alpha' }, 'string'])
        else assert.deepEqual(shape(next), shape(body))
      }
      if (isBadPattern) {
        // A real agent closes the connection without a word.
        assert.match(heard[0].Error, /Failed to compile regex/)
        assert.deepEqual(heard[1], { Members: [] })
        return
      }
      const description: string = requests.description
      assert.equal(talk.ended !== undefined, description.includes('closed the connection'), talk.ended)
    })
  }
})
