import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { flawsOf, growthOf, maxGrowth } from './bounds.ts'
import { type StoryOptions, tell } from './story.ts'

/** `npm run campaign -- membership` does the same with up to a thousand. */
const story: StoryOptions = { seed: 1, size: 25, failing: [0.1, 0.3], leaving: 0.1, divided: true }

describe('members of a cluster of any size', () => {
  test('agree soon after a join of all, a failure of many, their return and a leave, and send no more for being more', async () => {
    const all = [await tell(story), await tell({ ...story, size: 100, divided: false })]
    assert.deepEqual(all.flatMap(flawsOf), [])
    for (const [what, ratio] of Object.entries(growthOf(all) ?? {})) assert.ok(ratio <= maxGrowth, `${what}: ${ratio}`)
  })

  test('do the same again with the same seed', async () => {
    const short = { ...story, failing: [0.3], divided: false }
    const [one, other] = [await tell(short), await tell(short)]
    assert.equal(one.traceHash, other.traceHash)
    assert.notEqual(one.traceHash, (await tell({ ...short, seed: 2 })).traceHash)
  })
})
