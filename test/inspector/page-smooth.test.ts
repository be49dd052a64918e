/**
 * Why the page scrolls smoothly: what it draws, lays out and touches for a frame is bounded by what is in sight, whatever
 * there is. How long frames took is told, not judged: that depends on the machine.
 */

import assert from 'node:assert/strict'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import type { Browser, CDPSession, Page } from 'playwright-core'
import type { TraceRecord } from '../../src/inspector/record.ts'
import { deep, launch, openPage, show, untilIn, type Watched, withoutBrowser } from './browser.ts'
import { type MadeStream, openMadeStream } from './made-stream.ts'
import { heardBy, largeCluster, manyActors } from './made-trace.ts'

/** As many as the page keeps. */
const ringRecords = 50_000
const frames = 240

interface Scrolled {
  /** Between frames, in ms. */
  readonly deltas: readonly number[]
  /** Longer than 50 ms, in ms. */
  readonly long: readonly number[]
  /** The most elements that there were in any frame. */
  readonly most: number
  readonly layouts: number
}

describe('how the page scrolls', { skip: withoutBrowser }, () => {
  let browser: Browser
  let stream: MadeStream
  let watched: Watched
  let page: Page
  let devtools: CDPSession

  before(async () => {
    browser = await launch()
    stream = await openMadeStream()
    watched = await openPage(browser)
    page = watched.page
    devtools = await page.context().newCDPSession(page)
    await devtools.send('Performance.enable')
  })
  afterEach(() => watched.clean())
  after(async () => {
    await browser?.close()
    await stream?.close()
  })

  async function openWith(records: readonly TraceRecord[]): Promise<void> {
    stream.restart(records)
    await page.goto(stream.address)
    await heardAll(records.length)
  }

  /** It has so many records, and has drawn them. */
  async function heardAll(count: number): Promise<void> {
    await untilIn(page, `(${deep})('reeve-time-bar')[0]?.desk.story.last >= ${count}`)
    await drawn()
  }

  const drawn = () => page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))')

  const layouts = async (): Promise<number> => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return metrics.find(({ name }) => name === 'LayoutCount')?.value ?? 0
  }

  /** There and back, a bit with each frame, while records come. */
  async function scroll(context: TestContext, scroller: string, next: () => TraceRecord[]): Promise<Scrolled> {
    const timer = setInterval(() => stream.tell(next()), 50)
    const before = await layouts()
    const { deltas, long, most } = (await page.evaluate(`new Promise((done) => {
      const scroller = ${scroller}
      const way = scroller.scrollHeight - scroller.clientHeight
      const deltas = [], long = []
      const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((each) => each.duration)))
      observer.observe({ type: 'longtask' })
      let last, most = 0
      const frame = (now) => {
        if (last !== undefined) deltas.push(now - last)
        last = now
        const at = deltas.length / ${frames}
        scroller.scrollTop = way * (1 - Math.abs(1 - 2 * at))
        if (deltas.length % 8 === 0) most = Math.max(most, (${deep})('*').length)
        if (deltas.length < ${frames}) requestAnimationFrame(frame)
        else setTimeout(() => { observer.disconnect(); done({ deltas, long, most }) }, 100)
      }
      requestAnimationFrame(frame)
    })`)) as Omit<Scrolled, 'layouts'>
    clearInterval(timer)
    const sorted = [...deltas].sort((one, other) => one - other)
    const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)]?.toFixed(1)
    context.diagnostic(
      `frames: median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ` +
        `tasks above 50 ms: ${long.length}${long.length > 0 ? `, longest ${Math.max(...long)} ms` : ''}; most elements ${most}`,
    )
    return { deltas, long, most, layouts: (await layouts()) - before }
  }

  /** What changes in the page's document, below all of a kind, by a record that comes; by the row or else the name of the element. */
  async function touchedBy(selector: string, records: readonly TraceRecord[], total: number): Promise<string[]> {
    await page.evaluate(`{
      globalThis.touched = new Set()
      globalThis.watching = new MutationObserver((list) => {
        for (const { target } of list) {
          const element = target instanceof Element ? target : target.parentElement ?? target.getRootNode().host
          touched.add(element.closest?.('[role=treeitem], [role=option]')?.id ?? element.localName)
        }
      })
      for (const each of (${deep})('${selector}')) {
        watching.observe(each.shadowRoot ?? each, { subtree: true, childList: true, attributes: true, characterData: true })
      }
    }`)
    stream.tell(records)
    await heardAll(total)
    return (await page.evaluate('watching.disconnect(), [...touched]')) as string[]
  }

  test('a thousand actors: what is drawn is what is in sight, and news touches the rows of which it is', async (context) => {
    const records = manyActors(1000, ringRecords - 1)
    let sequence = ringRecords - 1
    const news = (count: number, peer = (n: number) => `peer-${String(n % 997).padStart(4, '0')}`) =>
      Array.from({ length: count }, () => heardBy('a', 1, ++sequence, peer(sequence)))
    await openWith(records)
    await show(page, 'Actors')
    await page.getByRole('tree', { name: 'Actors' }).getByRole('treeitem').first().waitFor()
    const still = Number(await page.evaluate(`(${deep})('*').length`))
    const { most, layouts } = await scroll(context, `(${deep})('reeve-rows')[0]`, () => news(10))
    assert.ok(most < still * 1.6, `${still} elements stand still, ${most} while it scrolls`)
    assert.ok(layouts < frames * 5, `${layouts} layouts in ${frames} frames`)
    await heardAll(sequence + 1)
    const out = await touchedBy(
      'reeve-rows',
      news(2, () => 'peer-0900'),
      sequence + 1,
    )
    assert.deepEqual(out, [])
    const row = await page.evaluate(
      `(${deep})('[role=treeitem]').find((row) => row.textContent.includes('peer-0005')).id`,
    )
    assert.deepEqual(
      await touchedBy(
        'reeve-rows',
        news(1, () => 'peer-0005'),
        sequence + 1,
      ),
      [row],
    )
  })

  test('messages of all that the page keeps: so many rows as are in sight', async (context) => {
    const records = manyActors(1000, ringRecords - 1)
    let sequence = ringRecords - 1
    const news = (count: number) =>
      Array.from({ length: count }, () => heardBy('a', 1, ++sequence, `peer-${String(sequence % 7).padStart(4, '0')}`))
    await openWith(records)
    await show(page, 'Messages')
    await page.getByRole('listbox', { name: 'Messages' }).getByRole('option').first().waitFor()
    const { most, layouts } = await scroll(context, `(${deep})('reeve-rows')[0]`, () => news(10))
    assert.ok(most < 2500, `${most} elements`)
    assert.ok(layouts < frames * 5, `${layouts} layouts in ${frames} frames`)
  })

  test('whoever reads further up among the messages is left alone by news, and follows again at the end', async () => {
    const records = manyActors(10, 3000)
    let sequence = 3000
    const news = (count: number) => Array.from({ length: count }, () => heardBy('a', 1, ++sequence, 'peer-0001'))
    await openWith(records)
    await show(page, 'Messages')
    await page.getByRole('listbox', { name: 'Messages' }).getByRole('option').first().waitFor()
    const rows = `(${deep})('reeve-rows')[0]`
    const atEnd = `${rows}.scrollTop + ${rows}.clientHeight >= ${rows}.scrollHeight - 1`
    await untilIn(page, atEnd)
    await page.evaluate(`${rows}.scrollTop = 30_000`)
    await untilIn(
      page,
      `${rows}.sight.first === 1000 && (${deep})('[role=option]').some((row) => row.id === 'row-1000')`,
    )
    assert.deepEqual(await touchedBy('reeve-rows .seen', news(50), sequence + 1), [])
    await page.evaluate(`${rows}.scrollTop = ${rows}.scrollHeight`)
    await untilIn(page, `!(${deep})('[role=option]').some((row) => row.id === 'row-1000')`)
    stream.tell(news(50))
    await heardAll(sequence + 1)
    await untilIn(page, atEnd)
    await untilIn(page, `${rows}.count === 2000`)
    // In the past as well: what led to a moment is read, and the next moment is shown.
    await page.keyboard.press('ArrowLeft')
    await page.locator('.says').waitFor()
    await drawn()
    await untilIn(page, atEnd)
    await page.evaluate(`${rows}.scrollTop = 0`)
    await untilIn(page, `(${deep})('[role=option]').some((row) => row.id === 'row-0')`)
    await drawn()
    assert.equal(await page.evaluate(`${rows}.scrollTop`), 0)
    await page.keyboard.press('ArrowLeft')
    await untilIn(page, atEnd)
  })

  test('a cluster of fifty nodes: news touches what it is about', async (context) => {
    const cluster = largeCluster(50)
    const sequences = cluster.map(() => 0)
    let at = 0
    let count = cluster.length
    const load = (index: number, written: number): TraceRecord => {
      const { node, epoch, atMs } = cluster[index] as (typeof cluster)[number]
      count++
      const sequence = ++(sequences as number[])[index]!
      return {
        ...{ kind: 'facts', node, epoch, sequence, atMs: atMs + sequence * 1000 },
        facts: { load: { periodMs: 1000, loopDelayMs: 1.5, written, copied: 1200 } },
      } as TraceRecord
    }
    const news = () => Array.from({ length: 3 }, () => load(at++ % cluster.length, 40 + (at % 50)))
    await openWith(cluster)
    await show(page, 'Cluster')
    await page.getByRole('region', { name: 'Nodes' }).waitFor()
    const { layouts } = await scroll(context, `(${deep})('main')[0]`, news)
    assert.ok(layouts < frames * 5, `${layouts} layouts in ${frames} frames`)
    await heardAll(count)
    assert.deepEqual(await touchedBy('reeve-cluster-view', [load(7, 4321)], count), ['td'])
  })
})
