import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import type { NodeSettings } from '../../src/config.ts'
import type { FaultStep } from '../../src/simulation/faults.ts'
import { describeViolation } from '../../src/simulation/invariants.ts'
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

const folder = new URL('./found/', import.meta.url)

describe('a run that broke a promise once keeps it now', () => {
  for (const file of readdirSync(folder).sort()) {
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
      assert.deepEqual(violations.map(describeViolation), [])
      if (mayBeGone !== undefined) assert.equal(gone, mayBeGone)
    })
  }
})
