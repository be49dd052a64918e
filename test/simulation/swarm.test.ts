import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { describeFault, describeStep } from '../../src/simulation/describe-fault.ts'
import { describeSwarm, drawSwarm, faultClasses } from '../../src/simulation/swarm.ts'

const hosts = ['a', 'b', 'c', 'd', 'e']

describe('a swarm', () => {
  test('is data: the same for the same seed, in order, within its time, and survives JSON', () => {
    for (let seed = 0; seed < 100; seed++) {
      const { steps, rates } = drawSwarm({ seed, hosts, durationMs: 120_000 })
      assert.deepEqual(drawSwarm({ seed, hosts, durationMs: 120_000 }), {
        ...drawSwarm({ seed, hosts, durationMs: 120_000 }),
        steps,
        rates,
      })
      assert.deepEqual(JSON.parse(JSON.stringify(steps)), steps)
      for (const [index, step] of steps.entries()) {
        assert.ok(step.atMs >= (steps[index - 1]?.atMs ?? 0) && step.atMs <= 120_000, describeStep(step))
      }
      assert.deepEqual([...new Set(steps.flatMap((step) => (step.kind === 'start' ? step.host : [])))].sort(), hosts)
    }
  })

  test('draws some of the classes for each seed, and over many seeds all of them, at different rates', () => {
    const seen = new Map<string, Set<number>>()
    for (let seed = 0; seed < 200; seed++) {
      const { rates } = drawSwarm({ seed, hosts, durationMs: 1 })
      assert.ok(Object.keys(rates).length < faultClasses.length, 'not all at once')
      for (const [name, rate] of Object.entries(rates)) seen.set(name, (seen.get(name) ?? new Set()).add(rate))
    }
    assert.deepEqual([...seen.keys()].sort(), [...faultClasses].sort())
    for (const [name, rates] of seen) assert.ok(rates.size > 10 || name === 'join' || name === 'mixed', name)
  })

  test('of one class has a step of it, and says so in words', () => {
    for (const name of faultClasses) {
      const swarm = drawSwarm({ seed: 1, hosts, durationMs: 300_000, only: [name] })
      assert.deepEqual(Object.keys(swarm.rates), [name])
      assert.match(describeSwarm(swarm), new RegExp(name))
      const others = swarm.steps.filter(({ kind }) => kind !== 'start')
      if (name !== 'join') assert.ok(others.length >= hosts.length, `${name}: ${others.length} steps`)
      for (const step of others) assert.ok(!/undefined|NaN/.test(describeFault(step)), describeFault(step))
    }
    assert.equal(
      'wipe' in drawSwarm({ seed: 1, hosts, durationMs: 1, only: ['wipe', 'kill'], without: ['wipe'] }).rates,
      false,
    )
    assert.throws(() => drawSwarm({ seed: 1, hosts, durationMs: 1, only: ['earthquake'] }), /no class of faults/)
  })

  test('has all of its classes in the table that users read', () => {
    const page = readFileSync(new URL('../../src/simulation/README.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name!)
    assert.deepEqual(rows.sort(), [...faultClasses].sort())
  })

  test('draws the same of all other classes with blackouts and without them', () => {
    let dark = 0
    for (let seed = 0; seed < 300; seed++) {
      const swarm = drawSwarm({ seed, hosts, durationMs: 120_000 })
      const other = drawSwarm({ seed, hosts, durationMs: 120_000, without: ['blackout'] })
      const { blackout, ...rates } = swarm.rates
      assert.deepEqual({ rates, gapMs: swarm.gapMs }, { rates: other.rates, gapMs: other.gapMs })
      if (blackout === undefined) assert.deepEqual(swarm.steps, other.steps)
      else dark++
    }
    assert.ok(dark > 50 && dark < 150, `${dark} of 300 seeds`)
  })

  test('has all hosts go dark at one moment in a blackout, and none start before the power is back', () => {
    for (let seed = 0; seed < 100; seed++) {
      const only = ['blackout', 'kill', 'join', 'lying-disk', 'address']
      const { steps } = drawSwarm({ seed, hosts, durationMs: 300_000, only, gapMs: 3_000 })
      const up = new Set<string>()
      let blackouts = 0
      for (const [index, step] of steps.entries()) {
        if (step.kind === 'start') up.add(step.host)
        else if (step.kind === 'swapAddresses') for (const host of [step.host, step.other]) up.delete(host)
        else if (step.kind === 'kill' || step.kind === 'crash') up.delete(step.host)
        else if (step.kind === 'powerOff') {
          up.delete(step.host)
          const all = steps.slice(index, index + hosts.length)
          if (!all.every(({ kind, atMs }) => kind === 'powerOff' && atMs === step.atMs)) continue
          blackouts++
          const back = steps.find(({ kind, atMs }) => kind === 'start' && atMs >= step.atMs)
          assert.ok(back === undefined || back.atMs >= step.atMs + 50, `seed ${seed}: ${describeStep(step)}`)
        }
      }
      assert.ok(blackouts > 3, `seed ${seed}: ${blackouts} blackouts`)
      const last = Math.max(...steps.filter(({ kind }) => kind === 'powerOff').map(({ atMs }) => atMs))
      if (last < 240_000) assert.ok(up.size > 0, `seed ${seed}: the power is back`)
    }
  })

  test('leaves as many hosts running as asked', () => {
    for (let seed = 0; seed < 60; seed++) {
      const up = new Set<string>()
      let joined = false
      for (const step of drawSwarm({ seed, hosts, durationMs: 300_000, minRunning: 3, gapMs: 3_000 }).steps) {
        if (step.kind === 'start') up.add(step.host)
        const ends = ['stop', 'kill', 'crash', 'powerOff', 'wipe', 'restore', 'clone', 'rename', 'swapAddresses']
        if (ends.includes(step.kind) && 'host' in step && step.host !== undefined) up.delete(step.host)
        if (step.kind === 'swapAddresses') up.delete(step.other)
        joined ||= up.size === hosts.length
        assert.ok(!joined || up.size >= 3, `seed ${seed}: ${describeStep(step)}`)
      }
    }
  })
})
