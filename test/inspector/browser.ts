/** Debian's Chromium, and pages in it that remember everything that went wrong in them. */

import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { patienceMs, until } from '../agent/agent.ts'
import { missing } from '../component.ts'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = places.find((place) => existsSync(place))

export const withoutBrowser = executablePath
  ? false
  : missing('Chromium is not installed (Debian: apt-get install chromium)')

export function launch(): Promise<Browser> {
  const quiet = ['quic', 'gpu', 'background-networking', 'component-update', 'sync'].map((what) => `--disable-${what}`)
  return chromium.launch({
    executablePath: executablePath as string,
    args: ['--no-sandbox', '--no-first-run', ...quiet],
  })
}

export interface Watched {
  readonly page: Page
  /** Nothing went wrong: no script error, nothing that the page's policy forbids, no request to anybody but this host. */
  clean(): void
  close(): Promise<void>
}

export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<Watched> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
  context.setDefaultTimeout(patienceMs)
  const page = await context.newPage()
  const wrong: string[] = []
  const hosts = new Set<string>()
  page.on('pageerror', (error) => wrong.push(`script error: ${error.stack ?? error.message}`))
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('console', (message) => {
    // A connection that a test cuts is no fault of the page.
    if (message.type() !== 'error' && message.type() !== 'warning') return
    if (!/Failed to load resource: (net::|the server responded with a status of 401)/.test(message.text()))
      wrong.push(message.text())
  })
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url())
    if (protocol !== 'data:' && protocol !== 'blob:') hosts.add(hostname)
  })
  return {
    page,
    clean() {
      assert.deepEqual(wrong, [])
      assert.deepEqual(
        [...hosts].filter((host) => host !== '127.0.0.1'),
        [],
      )
    },
    close: () => context.close(),
  }
}

export const views = ['Cluster', 'Actors', 'Chart', 'Messages', 'Members'] as const

export async function show(page: Page, view: (typeof views)[number]): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: view }).click()
  await page.getByRole('main', { name: view }).waitFor()
}

/** Gives the page a trace file of this content. */
export async function openTrace(page: Page, text: string, name = 'made.trace.jsonl'): Promise<void> {
  const file = { name, mimeType: 'application/x-ndjson', buffer: Buffer.from(text) }
  await page.locator('input[type=file]').setInputFiles(file)
}

/** All elements that fit a selector, also within other elements' shadows. Runs in the page. */
export const deep = `function find(selector, root = document) {
  const found = [...root.querySelectorAll(selector)]
  for (const element of root.querySelectorAll('*')) {
    if (element.shadowRoot) found.push(...find(selector, element.shadowRoot))
  }
  return found
}`

/** Until the expression is true in the page, whose policy lets nothing be evaluated there by itself. */
export async function untilIn(page: Page, expression: string): Promise<void> {
  await until(expression, () => page.evaluate(expression), Boolean)
}
