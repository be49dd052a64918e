import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { describeViolation } from '../../src/simulation/invariants.ts'
import { readPlan } from '../../src/simulation/plan.ts'
import { runPlan } from '../../src/simulation/run-plan.ts'

const folder = new URL('./found/', import.meta.url)

/** Each is a run that broke a promise once, made as short as it could be. */
describe('a run that broke a promise once keeps it now', () => {
  for (const file of readdirSync(folder).sort()) {
    const plan = readPlan(readFileSync(new URL(file, folder), 'utf8'))
    if (!plan.ok) throw new Error(`${file}: ${plan.problem}`)
    it(`${file}: ${plan.value.was}`, async () => {
      const { violations } = await runPlan(plan.value)
      assert.deepEqual(violations.map(describeViolation), [])
    })
  }
})
