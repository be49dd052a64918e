import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { type Agent, until } from './agent.ts'
import { readAll } from './copies.ts'
import { Stage } from './stage.ts'
import { Wire } from './wire.ts'

interface Acknowledged {
  readonly id: string
  readonly value: string
}

/** Sends numbered records without a pause, some of them at a time, and collects what becomes of each. */
class Numbers {
  readonly acknowledged: Acknowledged[] = []
  readonly #producer: { send(record: { value: string }): Promise<{ origin: string; epoch: string; offset: number }> }
  #sent = 0
  #failure: unknown
  #stopped = false
  readonly #sending: Promise<unknown>

  constructor(client: ReturnType<Stage['client']>, topic: string) {
    this.#producer = client.producer({ topic, lingerMs: 1, maxBatchBytes: 300 })
    this.#sending = Promise.all(Array.from({ length: 8 }, () => this.#send()))
  }

  get sent(): number {
    return this.#sent
  }

  async until(count: number, agents: readonly Agent[]): Promise<void> {
    const seen = async () => {
      if (this.#failure) throw this.#failure
      return this.acknowledged.length
    }
    await until(`${count} records acknowledged`, seen, (now) => now >= count, agents)
  }

  /** All that was sent is acknowledged by then. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#sending
    assert.equal(this.#failure, undefined)
    assert.equal(this.acknowledged.length, this.#sent)
  }

  async #send(): Promise<void> {
    while (!this.#stopped && this.#failure === undefined) {
      const value = `number ${this.#sent++}`
      try {
        const { origin, epoch, offset } = await this.#producer.send({ value })
        this.acknowledged.push({ id: `${origin}/${epoch}/${offset}`, value })
      } catch (error) {
        this.#failure = error
      }
    }
  }
}

/** Each number once, under the id that was acknowledged. */
function assertOnce(records: ReadonlyMap<string, string>, numbers: Numbers): void {
  assert.deepEqual(
    [...records].sort(),
    numbers.acknowledged.map(({ id, value }): [string, string] => [id, value]).sort(),
  )
  assert.equal(new Set(records.values()).size, numbers.sent)
}

async function end(agent: Agent, stage: Stage, topic: string): Promise<number> {
  const [found] = await stage.client([agent]).topics(topic)
  return (found?.logs ?? []).reduce((sum, log) => sum + log.end, 0)
}

describe('producers that repeat themselves', () => {
  const stage = new Stage()
  const wires: Wire[] = []
  after(async () => {
    for (const wire of wires) wire.close()
    await stage.end()
  })

  async function wireTo(agent: Agent): Promise<Wire> {
    const wire = await Wire.open(agent.rpcAddress)
    wires.push(wire)
    return wire
  }

  test('each record is stored once, although its node is killed again and again before it could answer', async () => {
    let agent = await stage.start('a')
    const wire = await wireTo(agent)
    const numbers = new Numbers(stage.client([wire], { timeoutMs: 90_000 }), 'numbers')
    const epochs = [agent.epoch]
    for (let round = 0; round < 6; round++) {
      await numbers.until(numbers.acknowledged.length + 50, [agent])
      if (round % 2 === 0) {
        // Everything is stored and nothing said of it.
        wire.loseAnswers()
        const before = numbers.acknowledged.length
        await until(
          'unanswered records are stored',
          () => end(agent, stage, 'numbers'),
          (now) => now > before,
          [agent],
        )
      }
      await agent.kill()
      agent = await stage.start('a')
      epochs.push(agent.epoch)
      wire.leadTo(agent.rpcAddress)
    }
    await numbers.until(numbers.acknowledged.length + 50, [agent])
    await numbers.stop()
    const records = await readAll(stage.client([agent]), 'numbers')
    assertOnce(records, numbers)
    assert.deepEqual(
      new Set([...records.keys()].map((id) => id.split('/')[1])),
      new Set(epochs),
      'every run stored some',
    )
    // In the order in which they were sent, from run to run.
    const places = [...records].map(([id, value]) => {
      const [, epoch, offset] = id.split('/')
      return { epoch: epoch as string, offset: Number(offset), number: Number(value.slice('number '.length)) }
    })
    places.sort((a, b) => (a.epoch === b.epoch ? a.offset - b.offset : a.epoch < b.epoch ? -1 : 1))
    const inOrder = places.map(({ number }) => number)
    assert.deepEqual(
      inOrder,
      inOrder.toSorted((a, b) => a - b),
    )
  })

  test('a copy answers for a dead origin: what it has is not stored again', async () => {
    const b = await stage.start('b')
    const c = await stage.start('c', { join: [b] })
    await stage.together([b, c])
    const wire = await wireTo(b)
    const numbers = new Numbers(stage.client([wire, c], { timeoutMs: 90_000 }), 'failover')
    await numbers.until(100, [b, c])
    wire.loseAnswers()
    const before = numbers.acknowledged.length
    // The client has no more than so many batches under way, and waits for them: all of them get to the copy.
    await until(
      'the copy has what was not answered',
      async () => [await end(b, stage, 'failover'), await end(c, stage, 'failover')] as const,
      ([origin, copy]) => origin > before && copy === origin && origin === numbers.sent,
      [b, c],
    )
    await b.kill()
    wire.close()
    await numbers.until(before + 100, [c])
    await numbers.stop()
    const records = await readAll(stage.client([c]), 'failover')
    assertOnce(records, numbers)
    assert.deepEqual(new Set([...records.keys()].map((id) => id.split('/')[0])), new Set(['b', 'c']))
  })
})
