import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Attendance, type Sight } from '../../src/simulation/members/attendance.ts'
import { type Breach, MemberJudge, type MemberRule, type Said } from '../../src/simulation/members/member-judge.ts'
import { drawMembers, episodeNames } from '../../src/simulation/members/member-plan.ts'
import { runMembers } from '../../src/simulation/members/run-members.ts'

const place = (name: string) => ({ at: `${name}:1`, tags: '' })

/** Three members, of whom a story is told second by second, and what the judge finds. */
function story(...names: string[]) {
  const attendance = new Attendance(names)
  const breaches: Breach[] = []
  const judge = new MemberJudge(attendance, place, (breach) => breaches.push(breach))
  const sights = new Map<string, Sight>(names.map((name) => [name, { name, presence: 'present', still: false }]))
  const apart = new Set<string>()
  const said = (name: string, more: Partial<Said> = {}): Said => {
    return { name, status: 'alive', ...place(name), incarnation: 1, suspect: false, ...more }
  }
  const scene = {
    judge,
    said,
    /** What is so from that second on. */
    at(
      second: number,
      changes: readonly Partial<Sight & { name: string }>[] = [],
      cut: readonly string[] = [...apart],
    ) {
      apart.clear()
      for (const name of cut) apart.add(name)
      for (const change of changes) {
        const name = change.name as string
        sights.set(name, { ...(sights.get(name) as Sight), ...change })
      }
      attendance.look(second * 1000, [...sights.values()], (from, to) => apart.has(from) === apart.has(to))
      return scene
    },
    rules: (): MemberRule[] => breaches.splice(0).map(({ rule }) => rule),
  }
  for (const name of names) judge.started(name)
  return scene.at(0)
}

describe('the judge of members', () => {
  test('condemned: who was there, or away for less than the shortest suspicion, is not to be declared failed', () => {
    const { judge, at, rules } = story('a', 'b', 'c')
    at(50)
    judge.told('a', 'b', 'failed', 50_000)
    assert.deepEqual(rules(), ['condemned'])
    at(60, [{ name: 'b', still: true }])
    judge.told('a', 'b', 'failed', 63_000)
    assert.deepEqual(rules(), ['condemned'])
    judge.told('a', 'b', 'failed', 64_500)
    at(70, [{ name: 'b', still: false }])
    judge.told('c', 'b', 'failed', 74_000)
    assert.deepEqual(rules(), [], 'it was away for long enough, and that may be heard late')
    judge.told('c', 'b', 'failed', 80_000)
    assert.deepEqual(rules(), ['condemned'])
  })

  test('condemned: who was away itself may read what was said meanwhile', () => {
    const { judge, at, rules } = story('a', 'b', 'c')
    at(50, [
      { name: 'a', still: true },
      { name: 'b', still: true },
    ])
    at(60, [{ name: 'b', still: false }])
    at(80, [{ name: 'a', still: false }])
    judge.told('a', 'b', 'failed', 80_100)
    assert.deepEqual(rules(), [])
  })

  test('refuted and back: who is declared failed and hears it is alive again soon', () => {
    const { judge, at, rules, said } = story('a', 'b', 'c')
    at(50, [], ['b'])
    at(58, [], [])
    judge.told('a', 'b', 'failed', 58_100)
    for (const second of [59, 62]) {
      at(second)
      judge.asked('a', [said('b', { status: 'failed' }), said('c')], second * 1000)
    }
    assert.deepEqual(rules(), [])
    at(65)
    judge.asked('a', [said('b', { status: 'failed' }), said('c')], 65_000)
    assert.deepEqual(rules(), ['refuted'])
    at(200)
    judge.asked('a', [said('b', { status: 'failed' }), said('c')], 200_000)
    assert.deepEqual(new Set(rules()), new Set(['refuted', 'back']))
    judge.told('a', 'b', 'joined', 200_100)
    judge.asked('a', [said('b'), said('c')], 201_000)
    assert.deepEqual(rules(), [])
  })

  test('noticed: who is gone is not alive for long; ghost: nor does it come back', () => {
    const { judge, at, rules, said } = story('a', 'b', 'c')
    at(50, [{ name: 'b', presence: 'gone' }])
    judge.asked('a', [said('b'), said('c')], 60_000)
    assert.deepEqual(rules(), [])
    judge.asked('a', [said('b'), said('c')], 90_000)
    assert.deepEqual(rules(), ['noticed'])
    judge.told('a', 'b', 'failed', 91_000)
    judge.told('a', 'b', 'joined', 92_000)
    assert.deepEqual(rules(), ['ghost'])
    at(100, [{ name: 'b', presence: 'present' }])
    judge.told('c', 'b', 'failed', 91_000)
    rules()
    judge.told('c', 'b', 'joined', 101_000)
    assert.deepEqual(rules(), [])
  })

  test('left: who has said goodbye has not failed, and does not go on leaving', () => {
    const { judge, at, rules, said } = story('a', 'b', 'c')
    at(50, [{ name: 'b', presence: 'leaving' }])
    at(52, [{ name: 'b', presence: 'left' }])
    judge.told('a', 'b', 'left', 52_000)
    assert.deepEqual(rules(), [])
    judge.told('c', 'b', 'failed', 57_000)
    assert.deepEqual(rules(), ['left'])
    judge.asked('a', [said('b', { status: 'leaving' }), said('c')], 60_000)
    assert.deepEqual(rules(), [])
    judge.asked('a', [said('b', { status: 'leaving' }), said('c')], 97_000)
    assert.deepEqual(new Set(rules()), new Set(['left']))
  })

  test('agreed: in the end all say the same of all', () => {
    const { judge, rules, said } = story('a', 'b', 'c')
    const right = (names: string[]) => names.map((name) => said(name))
    const all = (ofA: Said[]) =>
      new Map([
        ['a', ofA],
        ['b', right(['a', 'c'])],
        ['c', right(['a', 'b'])],
      ] as const)
    judge.rests(all(right(['b', 'c'])))
    assert.deepEqual(rules(), [])
    for (const wrong of [
      { suspect: true },
      { status: 'left' },
      { incarnation: 2 },
      { at: 'x:1' },
      { tags: 'x' },
    ] as const) {
      judge.rests(all([said('b', wrong), said('c')]))
      assert.ok(rules().includes('agreed'), JSON.stringify(wrong))
    }
  })
})

describe('members alone, without logs', () => {
  test('keep every rule, whatever happens to them; the same seed is the same run', async () => {
    for (const seed of [2, 3]) {
      const plan = drawMembers({ seed })
      const run = await runMembers(plan)
      assert.deepEqual([run.breaches, run.failures], [[], []], `seed ${seed}`)
      assert.equal((await runMembers(plan)).traceHash, run.traceHash)
    }
  })

  for (const seed of [563535, 563728, 563720, 563731]) {
    test(`keep every rule with seed ${seed}, which broke one once`, async () => {
      const { breaches, failures } = await runMembers(drawMembers({ seed }))
      assert.deepEqual([breaches, failures], [[], []])
    })
  }

  for (const name of episodeNames) {
    test(`keep every rule in ${name}`, async () => {
      const { breaches, failures } = await runMembers(drawMembers({ seed: 11, only: [name], count: 2 }))
      assert.deepEqual([breaches, failures], [[], []])
    })
  }

  test('an episode that does not exist is an error', () => {
    assert.throws(() => drawMembers({ seed: 1, only: ['flood'] }), RangeError)
  })
})
