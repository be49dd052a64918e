import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { describeViolation } from '../../src/simulation/invariants.ts'
<<<<<<< HEAD
import { reeveNode } from '../../src/simulation/reeve-node.ts'
import { runScenario } from '../../src/simulation/scenario.ts'

/** A run that broke a promise once, made as short as it could be. */
interface Found {
  readonly was: string
  readonly seed: number
  readonly hosts: readonly string[]
  readonly durationMs: number
  readonly settings?: NodeSettings
  readonly recordMaxBytes?: number
  /** Default: orders and payments. */
  readonly topics?: readonly string[]
  /** Acknowledged records that may be gone; undefined: as many as the faults excuse. */
  readonly gone?: number
  readonly steps: readonly FaultStep[]
}
=======
import { readPlan } from '../../src/simulation/plan.ts'
import { runPlan } from '../../src/simulation/run-plan.ts'
>>>>>>> 1a1ead6 (A simulated run can be traced for the inspector's page and drawn; one that breaks a promise is made small, saved as a plan and replayed)

const folder = new URL('./found/', import.meta.url)

/** Each is a run that broke a promise once, made as short as it could be. */
describe('a run that broke a promise once keeps it now', () => {
  for (const file of readdirSync(folder).sort()) {
<<<<<<< HEAD
    const {
      was,
      settings = {},
      gone: mayBeGone,
      ...found
    } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Found
    it(`${file}: ${was}`, async () => {
      const { violations, gone } = await runScenario({
        topics: ['orders', 'payments'],
        ...found,
        startNode: reeveNode({ log: pino({ level: 'silent' }), settings, twoCopiesEvery: 4 }),
      })
=======
    const plan = readPlan(readFileSync(new URL(file, folder), 'utf8'))
    if (!plan.ok) throw new Error(`${file}: ${plan.problem}`)
    it(`${file}: ${plan.value.was}`, async () => {
      const { violations } = await runPlan(plan.value)
>>>>>>> 1a1ead6 (A simulated run can be traced for the inspector's page and drawn; one that breaks a promise is made small, saved as a plan and replayed)
      assert.deepEqual(violations.map(describeViolation), [])
      if (mayBeGone !== undefined) assert.equal(gone, mayBeGone)
    })
  }
})
