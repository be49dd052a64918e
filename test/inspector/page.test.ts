/** The inspector's page in a real browser, in front of real agents. */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Locator } from 'playwright-core'
import { type Agent, until } from '../agent/agent.ts'
import { Stage } from '../agent/stage.ts'
import { deep, launch, openPage, show, untilIn, type Watched, withoutBrowser } from './browser.ts'
import { type Line, openLine } from './cut.ts'

async function linkOf(agent: Agent): Promise<string> {
  const { inspector } = await agent.logged('open this link, once, to watch what happens')
  return inspector as string
}

describe('the page in front of a cluster', { skip: withoutBrowser }, () => {
  const stage = new Stage()
  const words = ['--http-port', '0', '--profile', 'local']
  let browser: Browser
  let agents: [Agent, Agent, Agent]
  let line: Line
  let watched: Watched
  let link: URL

  before(async () => {
    browser = await launch()
    const a = await stage.start('a', { words })
    agents = [
      a,
      ...(await Promise.all([stage.start('b', { words, join: [a] }), stage.start('c', { words, join: [a] })])),
    ]
    await stage.together(agents)
    const producer = stage.client([a]).producer({ topic: 'orders' })
    await Promise.all(Array.from({ length: 20 }, (_, at) => producer.send({ value: `order ${at}` })))
    link = new URL(await linkOf(a))
    line = await openLine(Number(link.port))
    link.port = String(line.port)
    watched = await openPage(browser)
  })
  after(async () => {
    await browser?.close()
    await line?.close()
    await stage.end()
  })

  const node = (name: string): Locator => watched.page.getByRole('region', { name: `Node ${name}`, exact: true })

  test('the link opens it once, and nobody else', async () => {
    const { page } = watched
    await page.goto(link.href)
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
    assert.equal(new URL(page.url()).search, '', 'the token is gone from the address')
    const stranger = await openPage(browser)
    const refused = await stranger.page.goto(link.href)
    assert.equal(refused?.status(), 401)
    await stranger.page.getByText('works once').waitFor()
    await stranger.close()
    await page.reload()
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
    watched.clean()
  })

  test('every view shows what the agents do', async () => {
    const { page } = watched
    for (const name of ['a', 'b', 'c']) await node(name).getByText('serving', { exact: true }).waitFor()
    const topic = page.getByRole('region', { name: 'Topic orders' })
    await topic.getByText('✎ writes').waitFor()
    await untilIn(
      page,
      `(${deep})('section.topic[aria-label="Topic orders"] .ends')
      .filter((cell) => cell.textContent.startsWith('20')).length === 3`,
    )

    await show(page, 'Actors')
    const tree = page.getByRole('tree', { name: 'Actors' })
    await tree.getByRole('treeitem').filter({ hasText: 'replicator/c' }).first().waitFor()

    for (const [actor, state] of [
      ['supervisor', 'supervisor.up.clustered.running.serving'],
      ['membership', 'membership.alive.among'],
      ['server', 'server.open.listening.settled'],
      ['replicator/b', 'replicator.pulling.streaming.live'],
    ] as const) {
      await show(page, 'Chart')
      await page.getByRole('combobox', { name: 'Actor' }).selectOption({ label: `a: ${actor}` })
      await page.locator(`.drawing [id="${state}"].state.active.leaf`).waitFor({ state: 'attached' })
      await page.getByRole('heading', { name: actor }).waitFor()
    }

    await show(page, 'Messages')
    await page.getByRole('listbox', { name: 'Messages' }).getByRole('option').first().waitFor()

    await show(page, 'Members')
    for (const name of ['a', 'b', 'c']) await page.getByRole('img', { name: `${name}: alive to 3` }).waitFor()
    const sessions = page.getByRole('region', { name: 'Sessions' }).getByRole('row')
    for (const name of ['a', 'b', 'c'])
      await sessions
        .filter({ hasText: `${name}Pull` })
        .first()
        .waitFor()
    watched.clean()
  })

  test('a node that is killed is shown so, and its return, on every view that is open meanwhile', async () => {
    const { page } = watched
    const [a, , c] = agents
    await page.goto(`${new URL('/inspector/', link).href}#/chart/a/supervisor%2Freplicator%2Fc`)
    const state = (id: string) => page.locator(`.drawing [id="replicator.${id}"].state.active.leaf`)
    await state('pulling.streaming.live').waitFor({ state: 'attached' })
    await c.kill()
    await state('parked').waitFor({ state: 'attached' })
    await page.locator('.recent').getByText('→ parked').waitFor()
    await show(page, 'Cluster')
    await node('c').getByText('failed', { exact: true }).waitFor()
    await show(page, 'Members')
    await page.getByRole('img', { name: 'c: failed to 2' }).waitFor()
    await show(page, 'Cluster')
    agents[2] = await stage.start('c', { words, join: [a], dataDir: c.dataDir })
    await node('c').getByText('serving', { exact: true }).waitFor()
    await show(page, 'Chart')
    await state('pulling.streaming.live').waitFor({ state: 'attached' })
    watched.clean()
  })

  test('a connection that breaks is taken up where it broke off', async () => {
    const { page } = watched
    await show(page, 'Cluster')
    line.cut()
    await page.getByText('reconnecting', { exact: true }).waitFor()
    await agents[1].kill()
    // Started again at once, it may be met at its new address before anybody calls it failed.
    const client = stage.client([agents[0]])
    const b = async () => (await client.servers()).find(({ name }) => name === 'b')
    await until('a says that b failed', b, (server) => server?.status === 'failed', agents)
    agents[1] = await stage.start('b', { words, join: [agents[0]], dataDir: agents[1].dataDir })
    await stage.together(agents)
    line.mend()
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
    await node('b').getByText('serving', { exact: true }).waitFor()
    await page.goto(`${new URL('/inspector/', link).href}#/sequence`)
    await page.getByRole('combobox', { name: 'Node' }).selectOption({ label: 'a' })
    await page.getByRole('searchbox', { name: 'Search messages' }).fill('member.failed')
    // Of the first death, and of the one that nobody watched.
    await untilIn(page, `(${deep})('.message[aria-label*="member.failed"]').length >= 4`)
    assert.equal(await page.getByText('are missing').count(), 0, 'nothing is missing')
    watched.clean()
  })

  test('a page whose node began another run says that it needs a new link', async () => {
    const { page } = watched
    const { inspector } = await agents[0].logged('open this link, once, to watch what happens')
    const { port } = new URL(inspector as string)
    await agents[0].kill()
    await page.getByText('reconnecting', { exact: true }).waitFor()
    const again = ['--http-port', port, '--profile', 'local']
    agents[0] = await stage.start('a', { words: again, join: [agents[1]], dataDir: agents[0].dataDir })
    await page.getByText('not connected', { exact: true }).waitFor()
    const next = new URL(await linkOf(agents[0]))
    next.port = link.port
    await page.goto(next.href)
    await page.getByRole('status').getByText('live', { exact: true }).waitFor()
    watched.clean()
  })
})
