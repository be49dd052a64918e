import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type AnyTransitionDefinition, createActor, createMachine } from 'xstate'
import { readChart, stateId, transitionId, transitionsOf } from '../../machines/drawings/chart.ts'
import { pictures, redraw } from '../../machines/drawings/drawings.ts'
import { type Arrangement, type Layout, layOut } from '../../machines/drawings/layout.ts'
import { boxesIn } from '../../machines/drawings/rank.ts'
import { readability } from '../../machines/drawings/readability.ts'
import { render } from '../../machines/drawings/render.ts'
import { sampleMachine } from './sample.ts'
import { nodes } from './walk.ts'

const folder = new URL('../../machines/drawings/', import.meta.url)
const plain: Arrangement = { layering: 'NETWORK_SIMPLEX', labels: 'TAIL_LAYER', straightness: 10, seed: 2, fixed: [] }
const sample = readChart(sampleMachine)
const sampleLayout = await layOut(sample, plain)
const sampleDrawing = render('sample', sampleLayout)

test('every chart has a drawing, and there is no drawing of anything else', () => {
  const drawn = readdirSync(folder).filter((name) => name.endsWith('.svg'))
  assert.deepEqual(drawn.sort(), [...pictures().keys()].sort(), 'run `npm run draw`')
})

for (const [file, chart] of pictures()) {
  test(`${file} shows the chart as it is, and nothing in it hides anything else`, async () => {
    const committed = readFileSync(new URL(file, folder), 'utf8')
    assert.ok(committed === (await redraw(chart, committed)), `${file} is stale: run \`npm run draw\``)
    assert.deepEqual(readability(await layOut(chart, arrangementOf(committed))).faults, [])
  })
}

test('a drawing is stale as soon as one event of its chart has another name', async () => {
  const before = createMachine({ id: 'door', initial: 'shut', states: { shut: { on: { push: 'open' } }, open: {} } })
  const after = createMachine({ id: 'door', initial: 'shut', states: { shut: { on: { pull: 'open' } }, open: {} } })
  const drawing = render('door', await layOut(readChart(before), plain))
  assert.equal(await redraw(readChart(before), drawing), drawing)
  assert.notEqual(await redraw(readChart(after), drawing), drawing)
})

test('the same chart and arrangement give the same bytes', async () => {
  assert.equal(render('sample', await layOut(readChart(sampleMachine), plain)), sampleDrawing)
  assert.deepEqual(readability(sampleLayout).faults, [])
})

test('a drawing says in words what triggers what', () => {
  const texts = [...sampleDrawing.matchAll(/<t(?:ext|span)[^>]*>([^<]*)/g)].map((match) => match[1])
  for (const expected of [
    'done [hasSeeds]', // an outcome of the state's own actor, guarded
    'error',
    'finished', // a final state inside was reached
    'always [isQuiet]',
    'after probeTimeout',
    '/ report, countTry',
    'leave → alive', // to a parallel state around it
    'Takes the ports it was told to take.',
    'Everything that can be drawn, &amp; nothing that &lt;runs&gt;.',
  ]) {
    assert.ok(texts.includes(expected), `${expected} is missing among ${texts.join(' | ')}`)
  }
  assert.ok(!texts.some((text) => text?.includes('xstate.')), 'what XState adds of its own is not shown')
})

test('every state and every transition can be found in the drawing, to be lit', () => {
  const marked = new Set([...sampleDrawing.matchAll(/data-on="([^"]*)"/g)].flatMap((match) => match[1]!.split(' ')))
  for (const node of nodes(sampleMachine)) {
    assert.ok(sampleDrawing.includes(`<g id="${stateId(node)}" class="state `), stateId(node))
    for (const each of transitionsOf(node)) assert.ok(marked.has(transitionId(each)), transitionId(each))
  }
  for (const look of ['.state.active', '.state.active.leaf', '.edge.hot', '.label.hot', 'prefers-color-scheme:dark']) {
    assert.ok(sampleDrawing.includes(look), look)
  }
})

test('an observer of microsteps names the lines of the drawing', async () => {
  const taken: string[] = []
  const actor = createActor(sampleMachine, {
    inspect: (event) => {
      if (event.type !== '@xstate.microstep') return
      taken.push(...(event._transitions as AnyTransitionDefinition[]).map(transitionId))
    },
  })
  const joining = new Promise<void>((resolve) => actor.subscribe((now) => now.matches('joining') && resolve()))
  actor.start()
  await joining
  for (const type of ['packet.nacked', 'restart', 'leave'] as const) actor.send({ type })
  actor.stop()
  assert.deepEqual(taken.slice(-3), [
    'sample.binding:xstate.done.actor.bindSockets:0',
    'sample.joining.contacting:packet.nacked:0',
    'sample:restart:0',
  ])
  for (const id of taken.slice(-3))
    assert.match(sampleDrawing, new RegExp(`data-on="[^"]*${id.replaceAll('.', '\\.')}`))
})

test('what goes round in circles goes down first and comes back up', () => {
  const idle = middle(sampleLayout, 'sample.alive.probing.idle')
  const waiting = middle(sampleLayout, 'sample.alive.probing.awaitingAck')
  const indirect = middle(sampleLayout, 'sample.alive.probing.indirect')
  assert.ok(idle < waiting && waiting < indirect)
  const back = sampleLayout.arrows.find(
    ({ arrow }) => arrow.id === 'sample.alive.probing.indirect->sample.alive.probing.idle',
  )!
  assert.ok(back.points[0]!.y > back.points.at(-1)!.y, 'from its source below to its target above')
})

test('the regions of a parallel state have one top and one height', () => {
  const regions = sampleLayout.boxes.filter((placed) => placed.box.region)
  assert.equal(regions.length, 2)
  assert.equal(new Set(regions.map(({ y, height }) => `${y} ${height}`)).size, 1)
})

test('what would hide something is noticed', () => {
  const pushed = sampleLayout.boxes.map((placed) =>
    placed.box.name === 'leaving' ? { ...placed, y: placed.y - 70 } : placed,
  )
  assert.notDeepEqual(readability({ ...sampleLayout, boxes: pushed }).faults, [])
})

test('every box lies within the one around it, and its text within it', () => {
  for (const placed of sampleLayout.boxes) {
    const around = sampleLayout.boxes.find((each) => each.box.id === placed.around[0])
    if (around) assert.ok(placed.y > around.y + around.sheet.height && placed.x > around.x)
    assert.ok(placed.width >= placed.sheet.width && placed.height >= placed.sheet.height, placed.box.id)
  }
  assert.equal(sampleLayout.boxes.length, boxesIn(sample.root).length)
})

function middle({ boxes }: Layout, id: string): number {
  const placed = boxes.find((each) => each.box.id === id)!
  return placed.y + placed.height / 2
}

function arrangementOf(drawing: string): Arrangement {
  return JSON.parse(/data-arrangement="([^"]*)"/.exec(drawing)![1]!.replaceAll('&quot;', '"')) as Arrangement
}
