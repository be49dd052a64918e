/** Trace files in the page: opened, stepped, played, refused; very many actors; names that mean harm; keys; small screens. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { TraceRecord } from '../../src/inspector/record.ts'
import type { Agent } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import {
  deep,
  launch,
  openTrace as open,
  openPage,
  show,
  untilIn,
  views,
  type Watched,
  withoutBrowser,
} from './browser.ts'
import { heardBy, largeCluster, manyActors, snapshotOf, traceText } from './made-trace.ts'

/** Which of how many records is shown. */
const place = (page: Page, text: string) => page.locator('.says').getByText(text, { exact: true })

describe('the page and what it is given', { skip: withoutBrowser }, () => {
  const stage = new Stage()
  let browser: Browser
  let agent: Agent
  let watched: Watched
  let page: Page

  before(async () => {
    browser = await launch()
    agent = await stage.start('a', { words: ['--http-port', '0', '--profile', 'local'] })
    watched = await openPage(browser)
    page = watched.page
    const { inspector } = await agent.logged('open this link, once, to watch what happens')
    await page.goto(inspector as string)
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
  })
  afterEach(() => watched.clean())
  after(async () => {
    await browser?.close()
    await stage.end()
  })

  test('a trace that was saved is opened, stepped through and played to its end', async () => {
    const coming = page.waitForEvent('download')
    await page.getByRole('link', { name: 'Save trace' }).click()
    const saved = readFileSync(await (await coming).path(), 'utf8')
    const count = saved.trim().split('\n').length - 1
    await open(page, saved, 'saved.trace.jsonl')
    await page.getByRole('status').getByText('trace of node a', { exact: true }).waitFor()
    await place(page, `${count} of ${count}`).waitFor()

    const slider = page.getByRole('slider', { name: 'Moment' })
    await slider.fill('1')
    await place(page, `1 of ${count}`).waitFor()
    await page.getByRole('button', { name: 'One record on' }).click()
    await place(page, `2 of ${count}`).waitFor()
    await page.getByRole('button', { name: 'One record back' }).click()
    await place(page, `1 of ${count}`).waitFor()

    await page.getByRole('combobox', { name: 'Speed' }).selectOption('64 ×')
    await page.getByRole('button', { name: 'Play' }).click()
    await place(page, `${count} of ${count}`).waitFor()
    await page.getByRole('button', { name: 'Play' }).waitFor()
    await page.getByRole('button', { name: 'Close file' }).click()
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
  })

  test('a file that is none is refused with its line, dropped or chosen, and what came before is shown', async () => {
    await page.evaluate(`{
      const data = new DataTransfer()
      data.items.add(new File(['no trace at all'], 'notes.txt'))
      dispatchEvent(new DragEvent('drop', { dataTransfer: data, cancelable: true }))
    }`)
    await page.getByRole('alert').getByText('notes.txt, line 1: this is no trace of Reeve').waitFor()
    await page.getByRole('alert').getByRole('button', { name: 'Close' }).click()
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
    const [snapshot] = manyActors(5, 0) as [TraceRecord]
    await open(page, `${traceText('half', [snapshot])}{"kind":"transition"}\n`, 'half.jsonl')
    await page
      .getByRole('alert')
      .getByText(/half\.jsonl, line 3: /)
      .waitFor()
    await place(page, '1 of 1').waitFor()
    await page.getByRole('alert').getByRole('button', { name: 'Close' }).click()
  })

  test('a moment shows what led there: the chart with its edge lit, the record in words, a gap as such', async () => {
    const gap = {
      kind: 'gap',
      node: 'a',
      epoch: snapshotOf({ node: 'a', n: 1, peers: [] }).epoch,
      first: 3,
      last: 9,
      why: 'away',
    }
    const [a] = manyActors(4, 0) as [TraceRecord]
    const peer = 'peer-0000'
    await open(page, traceText('x', [a, heardBy('a', 1, 1, peer), heardBy('a', 1, 2, peer), gap as TraceRecord]))
    await page.locator('.says').getByText('7 records of a are missing: nobody could be asked').waitFor()
    await page.keyboard.press(',')
    await page.locator('.says').getByText('hears pull.caughtUp → pulling › streaming › live').waitFor()
    await page.evaluate(`location.hash = '#/chart/a/supervisor%2Freplicator%2F${peer}'`)
    const taken = 'replicator.pulling.streaming.catchingUp:pull.caughtUp:0'
    await page.locator(`.drawing .hot[data-on~="${taken}"]`).first().waitFor({ state: 'attached' })
    await page.locator('.drawing [id="replicator.pulling.streaming.live"].active').waitFor({ state: 'attached' })
    await page.getByRole('link', { name: 'its messages' }).click()
    await page.getByRole('option', { name: /pull\.caughtUp/ }).click()
    await page.getByRole('heading', { name: `replicator/${peer}` }).waitFor()
  })

  test('transitions that happen within one frame are lit one after the other', async () => {
    const [a] = manyActors(4, 0) as [TraceRecord]
    const burst = [1, 2, 3, 4].map((n) => ({ ...heardBy('a', 1, n, 'peer-0000'), atMs: 5 }) as TraceRecord)
    await open(page, traceText('x', [{ ...a, atMs: 0 } as TraceRecord, ...burst]))
    await page.evaluate(`location.hash = '#/chart/a/supervisor%2Freplicator%2Fpeer-0000'`)
    await page.locator('.drawing svg').waitFor()
    await page.getByRole('slider', { name: 'Moment' }).fill('1')
    await place(page, '1 of 5').waitFor()
    await page.evaluate(`{
      globalThis.lit = []
      const svg = (${deep})('.drawing svg')[0]
      new MutationObserver(() => {
        const hot = svg.querySelector('.hot[data-on]')?.getAttribute('data-on') ?? ''
        if (hot !== lit.at(-1)) lit.push(hot)
      }).observe(svg, { subtree: true, attributes: true, attributeFilter: ['class'] })
    }`)
    await page.getByRole('button', { name: 'Play' }).click()
    await untilIn(page, `lit.filter((hot) => hot !== '').length >= 4`)
    const lit = (await page.evaluate('lit')) as string[]
    assert.deepEqual(
      lit.filter((hot) => hot !== '').map((hot) => /:pull\.(\w+):/.exec(hot)?.[1]),
      ['fellBehind', 'caughtUp', 'fellBehind', 'caughtUp'],
    )
  })

  test('a thousand actors are a few rows at a time, scrolled, searched, walked by keys', async () => {
    await show(page, 'Actors')
    const elements = async (actors: number) => {
      await open(page, traceText('x', manyActors(actors, 2000)))
      await page
        .getByText(`${actors.toLocaleString('en')} actors`, { exact: true })
        .first()
        .waitFor()
      return Number(await page.evaluate(`(${deep})('*').length`))
    }
    const few = await elements(100)
    const many = await elements(1000)
    assert.ok(many <= few * 1.1, `a thousand make ${many} elements, a hundred ${few}`)
    const tree = page.getByRole('tree', { name: 'Actors' })
    const drawn = () => tree.getByRole('treeitem').count()
    const most = [await drawn()]
    for (let at = 1; at <= 10; at++) {
      await page.evaluate(
        `{ const rows = (${deep})('reeve-rows')[0]; rows.scrollTop = rows.scrollHeight * ${at / 10} }`,
      )
      const first = Math.floor((990 * at) / 10 - 30)
      await untilIn(
        page,
        `(${deep})('[role=treeitem]').some((row) => Number(row.getAttribute('aria-posinset')) >= ${first})`,
      )
      most.push(await drawn())
    }
    await tree.getByText('replicator/peer-0996').waitFor()
    assert.ok(Math.max(...most) < 60, `${Math.max(...most)} rows are drawn`)
    await page.keyboard.press('/')
    await page.keyboard.type('peer-0500')
    await page.getByText('1 found').waitFor()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('End')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'replicator/peer-0500' }).waitFor()
  })

  test('names of others are only text, however long, whatever they hold', async () => {
    const names = [
      '<img src=x onerror=alert(1)>',
      `"><script>alert(2)</script>${'x'.repeat(3000)}`,
      '{{alert(3)}}</text><foreignObject><iframe src="https://example.com">',
      'constructor',
      '__proto__',
    ]
    const records: TraceRecord[] = names.map((node, at) => {
      const snapshot = snapshotOf({
        ...{ node, n: at + 1, peers: names.filter((name) => name !== node) },
        links: names.map((peer) => ({ peer, address: peer, state: peer, lagRecords: 1, lagLogs: 1 })),
        logs: names.map((origin) => {
          return {
            topic: origin,
            origin,
            epoch: origin,
            own: false,
            start: 0,
            end: 5,
            bytes: 5,
            peers: { [origin]: 9 },
          }
        }),
        members: names.map((name) => {
          return { name, address: name, status: 'alive', incarnation: 1, rttMs: 1, tags: { [name]: name } }
        }),
      })
      const [root, ...others] = snapshot.actors
      const server = { calls: 1, watchers: 0, long: [{ method: node, from: node, calls: 1, sinceMs: 0 }] }
      const alarm = { what: 'disk', severity: 'error', text: node, sinceMs: 0 } as const
      const odd = {
        ...root!,
        actor: node,
        parent: node,
        id: node,
        chart: node,
        states: [node],
        context: { [node]: node },
      }
      return { ...snapshot, actors: [root!, ...others, odd], facts: { ...snapshot.facts, server, alarms: [alarm] } }
    })
    const [name] = names as [string]
    const heard = { ...heardBy(name, 1, 1, names[1]!), event: { type: name }, from: name, after: [name] } as TraceRecord
    const note = {
      kind: 'note',
      node: name,
      epoch: records[0]!.kind === 'snapshot' ? records[0]!.epoch : '',
      sequence: 2,
      atMs: 1,
      text: name,
    }
    await open(page, traceText(name, [...records, heard, note as TraceRecord]), `${name}.jsonl`)
    const small = { width: 390, height: 800 }
    for (const viewport of [small, { width: 1280, height: 800 }]) {
      await page.setViewportSize(viewport)
      for (const view of views) {
        await show(page, view)
        const foreign = await page.evaluate(`(${deep})('img, iframe, script:not([src]), foreignObject').length`)
        assert.equal(foreign, 0, `${view} holds what a name brought`)
        await untilIn(page, 'document.documentElement.scrollWidth <= innerWidth')
      }
    }
    for (const node of ['constructor', '__proto__', name]) {
      await page.evaluate(
        `location.hash = '#/chart/' + encodeURIComponent(${JSON.stringify(node)}) + '/' + encodeURIComponent(${JSON.stringify(node)})`,
      )
      await page.getByText(/^There is no drawing of /).waitFor()
    }
    await page.evaluate(`location.hash = '#/chart/%/%zz'`)
    await page.getByRole('main', { name: 'Chart' }).waitFor()
  })

  test('many nodes are a matrix, few a circle, and both say in words what they show', async () => {
    await show(page, 'Cluster')
    await open(page, traceText('x', largeCluster(30)))
    await page.getByRole('img', { name: /^Replication\. node-01 is serving, .*node-05 is suspected/ }).waitFor()
    assert.equal(await page.locator('.matrix .cell').count(), 30 * 29)
    await open(page, traceText('x', largeCluster(4)))
    await page.locator('svg.map').waitFor()
    assert.equal(await page.locator('svg.map .line:not(.doubt)').count(), 12)
  })

  test('keys do everything: views, time, theme, help', async () => {
    await open(page, traceText('x', manyActors(10, 20)))
    await place(page, '21 of 21').waitFor()
    await page.evaluate('document.activeElement?.blur()')
    for (const [at, view] of views.entries()) {
      await page.keyboard.press(String(at + 1))
      await page.getByRole('main', { name: view }).waitFor()
    }
    await page.keyboard.press('ArrowLeft')
    await place(page, '20 of 21').waitFor()
    await page.keyboard.press('ArrowRight')
    await place(page, '21 of 21').waitFor()
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' })
    const paper = () => page.evaluate('getComputedStyle(document.body).backgroundColor')
    await page.keyboard.press('t')
    const light = await paper()
    await page.keyboard.press('t')
    assert.notEqual(await paper(), light, 'light and dark differ')
    await page.keyboard.press('t')
    // The focus is seen where it is.
    await page.keyboard.press('Tab')
    const outline = await page.evaluate(`{
      let element = document.activeElement
      while (element.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
      getComputedStyle(element).outlineStyle
    }`)
    assert.equal(outline, 'solid')
  })
})
