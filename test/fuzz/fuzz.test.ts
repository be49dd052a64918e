import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seededRandom } from '../gossip/cluster.ts'
import { codecs } from './codecs.ts'
import { hunt } from './hunt.ts'

describe('a hunt for inputs that break a codec', () => {
  for (const [name, codec] of codecs) {
    test(`finds none in ${name}, reads its recordings, and refuses much`, async () => {
      const { finding, accepted, inputs } = await hunt(codec, seededRandom(1), (count) => count < 1500)
      assert.equal(finding && `${finding.error.stack} by ${Buffer.from(finding.input).toString('hex')}`, undefined)
      assert.equal(accepted > 0 && accepted < inputs, true, `${accepted} of ${inputs} accepted`)
      const read = await Promise.all(codec.corpus.map(codec.accepts))
      assert.equal(read.includes(true), true, 'no recording is readable')
    })
  }

  test('an agent that refuses what it had begun ends it, and nothing else', async () => {
    const input =
      '0582a54572726f72a0a35365710182a54572726f72a0a35365710282a54572726f72a0a35365710283a446726f6da5627261766fa75061796c6f6164c0' +
      'a454797065a361630182a54572726f72b741757468656e7469636174696f6e207265717569726564a353657102'
    await codecs.get('ipcReply')?.accepts(Buffer.from(input, 'hex'))
  })

  test('finds what is wrong, and the smallest input that shows it', async () => {
    const frail = {
      corpus: [new Uint8Array(100)],
      accepts: (input: Uint8Array) => {
        if (input.includes(0xc1)) throw new RangeError('never used')
        return true
      },
    }
    const { finding } = await hunt(frail, seededRandom(1), (count) => count < 10_000)
    assert.deepEqual(finding?.input, Uint8Array.of(0xc1))
    assert.equal(finding?.error.message, 'never used')
  })
})
