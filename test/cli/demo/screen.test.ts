import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Cluster, DemoNode } from '../../../src/cli/demo/cluster.ts'
import { scoresOf, type View } from '../../../src/cli/demo/scores.ts'
import { type ScreenOptions, screenOf } from '../../../src/cli/demo/screen.ts'

const options: ScreenOptions = { columns: 160, rows: 40, colour: false, command: 'reeve', recordsPerSecond: 10 }

const viewOf = (name: string, end: number): View => ({
  servers: ['node-1', 'node-2'].map((member) => ({
    name: member,
    rpcAddress: undefined,
    gossipAddress: '',
    status: member === 'node-2' && name === 'node-1' ? 'failed' : 'alive',
    tags: new Map(),
    epoch: '01890000-0000-7000-8000-0000deadbeef',
    self: member === name,
    replicator: '',
    rttMs: undefined,
  })),
  logs: [{ origin: 'node-1', epoch: 'e', start: 0, end, bytes: 0 }],
})

function clusterOf(views: (View | undefined)[], events: string[] = []): Cluster {
  const nodes = views.map(
    (view, index) =>
      ({
        process: {
          name: `node-${index + 1}`,
          pid: view && 4242,
          rpc: { host: '127.0.0.1', port: 1 },
          gossip: { host: '127.0.0.1', port: 2 },
        },
        view,
      }) as DemoNode,
  )
  return {
    nodes,
    events: events.map((text) => ({ atMs: 61_000, text })),
    joinedMs: 1,
    elapsedMs: () => 75_000,
    scores: () => scoresOf(new Map(nodes.flatMap((n) => (n.view ? [[n.process.name, n.view]] : [])))),
  } as unknown as Cluster
}

test('a row a node: what it sees, what it holds, how far behind it is', () => {
  const lines = screenOf(clusterOf([viewOf('node-1', 1200), viewOf('node-2', 1000)], ['node-2 killed']), options)
  const row = (name: string) =>
    lines
      .find((line) => line.includes(` ${name} `))
      ?.trim()
      .split(/ {2,}/)
  assert.deepEqual(row('1  node-1'), [
    '1',
    'node-1',
    '4242',
    'up',
    'deadbeef',
    '1 alive, 1 failed',
    '1,200',
    '0',
    '1,200',
    '0',
  ])
  assert.deepEqual(row('2  node-2')?.slice(-4), ['1,000', '0', '1,000', '200'])
  assert.ok(lines.some((line) => line.includes('01:15') && line.includes('catching up …')))
  assert.ok(lines.some((line) => line.includes('01:01  node-2 killed')))
})

test('a node that is down says so, and the others can be equal without it', () => {
  const lines = screenOf(clusterOf([viewOf('node-1', 5), undefined]), options)
  assert.ok(lines.some((line) => /2 {2}node-2 .*down/.test(line)))
  assert.ok(lines.some((line) => line.includes('copies equal on 1 of 2 nodes, 1 down')))
})

test('columns line up', () => {
  const lines = screenOf(clusterOf([viewOf('node-1', 123_456), viewOf('node-2', 7)]), options)
  const ends = lines
    .filter((line) => /node-\d .*(up|process)/.test(line) || line.includes('behind'))
    .map((line) => line.length)
  assert.equal(new Set(ends).size, 1)
})

test('a terminal of 80 columns loses nothing that counts: not the numbers, not the end of a command to copy', () => {
  const cluster = clusterOf([viewOf('node-1', 12_345), viewOf('node-2', 12_345), viewOf('node-3', 12_345)])
  for (const columns of [80, 100, 120, 160]) {
    const lines = screenOf(cluster, { ...options, columns, rows: 24, command: 'npm run reeve --' })
    assert.ok(
      lines.some((line) => /from node-1 .* behind$/.test(line)),
      `${columns} columns`,
    )
    for (const word of ['consume', 'produce', 'members']) {
      assert.ok(
        lines.some((line) => line.includes(`-- ${word} `) && line.endsWith(':1')),
        `${columns}: ${word}`,
      )
    }
    assert.ok(lines.some((line) => line.endsWith('q quits')))
    assert.ok(columns < 160 || lines.some((line) => / pid .* run .* sees /.test(line)))
  }
})

test('the link that opens the inspector is whole in a terminal of 80 columns, too', () => {
  const cluster = clusterOf([viewOf('node-1', 5)])
  const link = `http://127.0.0.1:43210/?token=${'t'.repeat(43)}`
  cluster.nodes[0]!.link = link
  for (const columns of [80, 160]) {
    assert.ok(
      screenOf(cluster, { ...options, columns, rows: 24 }).some((line) => line.endsWith(link)),
      `${columns}`,
    )
  }
})

test('it fits the terminal, and without colour there is no escape in it', () => {
  const cluster = clusterOf([viewOf('node-1', 5), viewOf('node-2', 5)], Array(50).fill('an event'))
  const small = screenOf(cluster, { ...options, columns: 60, rows: 20 })
  assert.ok(small.length < 20)
  assert.ok(small.every((line) => line.length <= 60))
  assert.ok(!small.join('').includes('\x1b'))
  const coloured = screenOf(cluster, { ...options, columns: 60, rows: 20, colour: true })
  assert.deepEqual(
    coloured.map((line) => line.replaceAll(/\x1b\[\d+m/g, '')),
    small,
  )
})

test('a link to the page of a node that is up', () => {
  const cluster = clusterOf([undefined, viewOf('node-2', 1)])
  const [, second] = cluster.nodes
  ;(second as DemoNode).link = 'http://127.0.0.1:5/inspector/?token=x'
  assert.ok(
    screenOf(cluster, options).some((line) => line.endsWith('in a browser: http://127.0.0.1:5/inspector/?token=x')),
  )
})
