/** How the page looks and is used, view by view: in both themes, on a narrow screen, with keys alone, and where a run went wrong. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { Agent } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import { corpus } from '../planted/corpus.ts'
import { bundlePlanted } from '../planted/planted-bug.ts'
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
import { byColourAlone, faintest } from './contrast.ts'
import { cutOff, fromTheTop, type TabStop, tabStop, tabStops } from './layout.ts'
import { largeCluster, traceText, troubledCluster } from './made-trace.ts'

const wide = { width: 1280, height: 800 }
const narrow = { width: 390, height: 844 }

describe('how the page looks', { skip: withoutBrowser }, () => {
  const stage = new Stage()
  let browser: Browser
  let agent: Agent
  let watched: Watched
  let page: Page

  before(async () => {
    browser = await launch()
    agent = await stage.start('a', { words: ['--http-port', '0', '--profile', 'local'] })
    // Nothing moves, so that what is measured is what it comes to.
    watched = await openPage(browser, { reducedMotion: 'reduce' })
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

  for (const theme of ['light', 'dark'] as const) {
    test(`in the ${theme} theme words stand off by 4.5 to 1 from what they stand on, lines and signs by 3 to 1`, async () => {
      // Once by the system and once by choice.
      await page.emulateMedia({ colorScheme: theme })
      await page.evaluate(`document.documentElement.setAttribute('data-theme', '${theme}')`)
      const problems: string[] = []
      for (const [what, trace] of [
        ['few nodes', troubledCluster()],
        ['many nodes', largeCluster(12)],
      ] as const) {
        await open(page, traceText('reeve sim, seed 1', trace))
        for (const viewport of [wide, narrow]) {
          await page.setViewportSize(viewport)
          for (const view of views) {
            await show(page, view)
            if (view === 'Chart') await page.locator('.drawing svg').waitFor()
            const seen = (await page.evaluate(faintest)) as { looked: number; problems: string[] }
            assert.ok(seen.looked > 25, `${view} has something to look at: ${seen.looked}`)
            problems.push(...seen.problems.map((problem) => `${view}, ${what}, ${viewport.width} px: ${problem}`))
          }
        }
      }
      await open(page, traceText('x', troubledCluster()))
      await page.getByRole('button', { name: /^\d+ things stand out$/ }).click()
      await page.getByRole('group', { name: 'What stands out' }).getByRole('listitem').first().waitFor()
      problems.push(...((await page.evaluate(faintest)) as { problems: string[] }).problems)
      await page.keyboard.press('Escape')
      assert.deepEqual(problems, [])
    })
  }

  test('no state is told by its colour alone', async () => {
    await page.setViewportSize(wide)
    await open(page, traceText('x', troubledCluster()))
    for (const view of views) {
      await show(page, view)
      const { problems, kinds } = (await page.evaluate(byColourAlone)) as { problems: string[]; kinds: number }
      assert.deepEqual(problems, [], view)
      if (view === 'Cluster') assert.equal(kinds, 5, 'links of all kinds are there to be told apart')
    }
  })

  test('on a narrow screen nothing is cut, nothing scrolls sideways, and every view is reached, in both themes', async () => {
    await page.setViewportSize(narrow)
    for (const theme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: theme })
      await page.evaluate(`document.documentElement.removeAttribute('data-theme')`)
      for (const trace of [troubledCluster(), largeCluster(12)]) {
        await open(page, traceText('reeve sim, seed 1', trace))
        for (const view of views) {
          const link = page.getByRole('navigation').getByRole('link', { name: view })
          const box = await link.boundingBox()
          assert.ok(box && box.x >= 0 && box.x + box.width <= narrow.width, `the way to ${view} is in sight`)
          await link.click()
          await page.getByRole('main', { name: view }).waitFor()
          await untilIn(page, 'document.documentElement.scrollWidth <= innerWidth')
          assert.deepEqual(await page.evaluate(cutOff), [], view)
        }
      }
    }
    await page.setViewportSize(wide)
  })

  test('tab leads through everything that does something, in its order, and shows where it is', async () => {
    await open(page, traceText('x', troubledCluster()))
    for (const [at, view] of views.entries()) {
      await page.evaluate('document.activeElement?.blur()')
      await page.keyboard.press(String(at + 1))
      await page.getByRole('main', { name: view }).waitFor()
      const wanted = (await page.evaluate(tabStops)) as string[]
      await page.evaluate(fromTheTop)
      const reached: string[] = []
      for (let presses = 0; presses < wanted.length + 30; presses++) {
        await page.keyboard.press('Tab')
        const stop = (await page.evaluate(tabStop)) as TabStop | null
        // Out of the page.
        if (!stop) break
        assert.ok(stop.outlined, `${view}: one sees that the focus is on ${stop.name}`)
        assert.ok(stop.inSight, `${view}: ${stop.name} is in sight when it has the focus`)
        reached.push(stop.name)
        if (reached.length === wanted.length) break
      }
      assert.deepEqual(reached, wanted, view)
    }
    await page.keyboard.press('?')
    const keys = await page.getByRole('dialog', { name: 'Keys' }).locator('dt').allTextContents()
    for (const key of ['1 … 5', '/', 'space', 'm', 'b', 'n', 'o', 't', '?']) assert.ok(keys.includes(key), key)
    await page.keyboard.press('Escape')
  })

  test('the trace of a run that broke a promise opens there, and leads on to all that went wrong', async () => {
    const bug = corpus.find(({ name }) => name === 'copies-ignored')
    assert.ok(bug)
    const file = stage.path('run.trace.jsonl')
    const run = ['--seed', '2', '--nodes', '4', '--minutes', '0.1', '--trace', file]
    const simulation = spawn(process.execPath, [await bundlePlanted('src/main.ts', bug), 'sim', ...run], {
      stdio: 'ignore',
    })
    assert.deepEqual(await once(simulation, 'exit'), [1, null])
    // What was selected before is none of the file's.
    await page.evaluate(`location.hash = '#/cluster/a/supervisor'`)
    await page.getByRole('main', { name: 'Cluster' }).waitFor()
    await page.locator('input[type=file]').setInputFiles(file)
    const shown = page.getByRole('region', { name: 'File' })
    await shown.getByText('trace of reeve sim, seed 2', { exact: true }).waitFor()
    await shown.getByText(/^\d+ promises broken$/).waitFor()
    const says = page.locator('.says')
    await says.getByText(/^promise broken: node-\d: durableCopies: .* was acknowledged with 1 copies/).waitFor()
    const place = async () =>
      Number(/^([\d,]+) of/.exec((await says.textContent())?.trim() ?? '')?.[1]?.replace(',', ''))
    const first = await place()
    await page.keyboard.press('Shift+B')
    assert.equal(await place(), first, 'there is none before')
    await shown.getByRole('button', { name: 'Next broken promise' }).click()
    await untilIn(
      page,
      `Number(/^([\\d,]+) of/.exec((${deep})('.says')[0].textContent.trim())[1].replace(',', '')) > ${first}`,
    )
    await says.getByText(/^promise broken: /).waitFor()
    await page.keyboard.press('Shift+B')
    await untilIn(page, `(${deep})('.says')[0].textContent.trim().startsWith('${first} of')`)
    await page.locator('.slide rect.broken').first().waitFor({ state: 'attached' })
    await page.locator('.slide rect.fault').first().waitFor({ state: 'attached' })

    await page.getByRole('button', { name: /^\d+ things stand out$/ }).click()
    const list = page.getByRole('group', { name: 'What stands out' })
    await list.getByRole('button', { name: /the run: \d+ promises broken/ }).click()
    await says.getByText(/^the run: \d+ promises broken$/).waitFor()
    await page.keyboard.press('Escape')
    await page.keyboard.press('Shift+B')
    await show(page, 'Messages')
    await page
      .getByRole('option', { name: /✕ promise broken: / })
      .first()
      .waitFor()
    await page.getByText(/^[1-9]\d* messages$/).waitFor()
    await page.getByRole('button', { name: 'Close file' }).click()
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
  })
})
