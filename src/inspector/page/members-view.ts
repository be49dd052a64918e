/** Whom each node believes alive, as small charts of SWIM's states; alarms, sessions, and what was heard by gossip. */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { MemberFacts } from '../facts.ts'
import type { HeardRecord } from '../record.ts'
import type { NodeReplay } from '../replay.ts'
import { badge, clockTime, duration, grouped, look, type Tone } from './look.ts'
import { Part } from './part.ts'

const heardMax = 100
const searchedMax = 20_000

/** SWIM's states of a member, in the order in which they follow each other. */
const states = ['alive', 'suspect', 'leaving', 'failed', 'left'] as const
const tones: Readonly<Record<MemberFacts['status'], Tone>> = {
  alive: 'good',
  suspect: 'busy',
  leaving: 'busy',
  failed: 'bad',
  left: 'quiet',
}

export class MembersView extends Part {
  static override styles = [
    look,
    css`
      :host {
        padding: 16px;
        display: grid;
        gap: 16px;
        max-width: 1400px;
        margin: 0 auto;
      }
      .title {
        padding: 12px 14px 6px;
        display: flex;
        gap: 12px;
        align-items: baseline;
        flex-wrap: wrap;
      }
      .scroll {
        overflow-x: auto;
      }
      table {
        border-collapse: collapse;
        width: 100%;
      }
      th,
      td {
        text-align: left;
        padding: 6px 12px;
        border-bottom: 1px solid var(--rule);
        white-space: nowrap;
        font-weight: 400;
      }
      thead th {
        color: var(--faint);
        font-size: 12px;
      }
      tr:last-child > * {
        border-bottom: 0;
      }
      .swim {
        display: inline-flex;
        gap: 3px;
        vertical-align: middle;
      }
      .swim i {
        width: 14px;
        height: 14px;
        border-radius: 4px;
        border: 1px solid var(--frame);
        font: 600 9px/12px var(--font);
        text-align: center;
        color: var(--faint);
      }
      .swim i.good {
        background: var(--good-fill);
        border-color: var(--good);
        color: var(--good);
      }
      .swim i.busy {
        background: var(--busy-fill);
        border-color: var(--busy);
        color: var(--busy);
      }
      .swim i.bad {
        background: var(--bad-fill);
        border-color: var(--bad);
        color: var(--bad);
      }
      .swim i.quiet {
        background: var(--quiet-fill);
        border-color: var(--quiet);
        color: var(--quiet);
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0 14px 12px;
      }
      li {
        padding: 3px 0;
      }
    `,
  ]

  override render() {
    const nodes = [...this.desk.moment.nodes.values()].sort((one, other) => (one.node < other.node ? -1 : 1))
    const names = [...new Set(nodes.flatMap(({ facts }) => (facts.members ?? []).map(({ name }) => name)))].sort()
    if (names.length === 0) return html`<div class="empty">No node told of its members yet.</div>`
    return html`
      ${this.#alarms(nodes)}
      <section class="panel"><div class="title"><h2>Who is alive, and to whom</h2>
        <span class="faint">${states.map((state) => html`${state[0]?.toUpperCase()} ${state} `)}</span></div>
        <div class="scroll"><table>
          <thead><tr><th>Member</th>${nodes.map(({ node }) => html`<th>to ${node}</th>`)}<th>Address</th><th>Tags</th></tr></thead>
          <tbody>${names.map((name) => this.#member(name, nodes))}</tbody>
        </table></div></section>
      <section class="panel"><div class="title"><h2>Gossip and servers</h2></div>
        <div class="scroll"><table>
          <thead><tr><th>Node</th><th>Health</th><th>Incarnation</th><th>Queued</th><th>Stalls</th><th>Calls</th><th>Pages</th></tr></thead>
          <tbody>${nodes.map((node) => gossip(node))}</tbody>
        </table></div></section>
      ${this.#heard()}
    `
  }

  #member(name: string, nodes: readonly NodeReplay[]): TemplateResult {
    const seen = nodes.map(({ facts }) => facts.members?.find((member) => member.name === name))
    const known = seen.find((member) => member !== undefined)
    const tags = Object.entries(known?.tags ?? {})
    return html`<tr><th scope="row">${name}</th>
      ${seen.map((member) => html`<td>${member ? html`${swim(member.status)} ${member.rttMs === null ? nothing : html`<span class="faint">${duration(member.rttMs)}</span>`}` : html`<span class="faint">unknown</span>`}</td>`)}
      <td class="mono">${known?.address ?? ''}</td>
      <td class="mono faint">${tags
        .map(([key, value]) => `${key}=${value}`)
        .join(' ')
        .slice(0, 120)}</td></tr>`
  }

  #alarms(nodes: readonly NodeReplay[]): TemplateResult | typeof nothing {
    const alarms = nodes.flatMap(({ node, facts }) => (facts.alarms ?? []).map((alarm) => ({ node, alarm })))
    if (alarms.length === 0) return nothing
    return html`<section class="panel" role="alert"><div class="title"><h2>Alarms</h2></div><ul>${alarms.map(
      ({
        node,
        alarm: { severity, text, sinceMs },
      }) => html`<li>${badge(node, severity === 'error' ? 'bad' : 'busy')} ${text}
        <span class="faint">since ${clockTime(sinceMs)}</span></li>`,
    )}</ul></section>`
  }

  #heard(): TemplateResult | typeof nothing {
    const { story, position } = this.desk
    const heard: HeardRecord[] = []
    for (let at = position - 1; at >= Math.max(story.first, position - searchedMax) && heard.length < heardMax; at--) {
      const record = story.record(at)
      if (record?.kind === 'heard') heard.push(record)
    }
    if (heard.length === 0) return nothing
    return html`<section class="panel"><div class="title"><h2>Events and queries heard</h2></div><ul>${heard.map(
      ({ node, what, name, from, atMs, payload }) => html`<li><span class="mono faint">${clockTime(atMs)}</span>
        ${what} <strong>${name}</strong>${from ? html` from ${from}` : nothing} at ${node}
        <span class="faint">${grouped(payload.bytes)} bytes</span></li>`,
    )}</ul></section>`
  }
}

function swim(status: MemberFacts['status']): TemplateResult {
  return html`<span class="swim" role="img" aria-label=${status} title=${status}>${states.map(
    (state) =>
      html`<i class=${state === status ? tones[state] : ''}>${state === status ? state[0]?.toUpperCase() : ''}</i>`,
  )}</span>`
}

function gossip({ node, facts }: NodeReplay): TemplateResult {
  const { gossip, server } = facts
  const queued = gossip ? Object.values(gossip.queued).reduce((sum, count) => sum + count, 0) : 0
  return html`<tr><th scope="row">${node}</th>
    <td>${gossip ? (gossip.health === 0 ? badge('fine', 'good') : badge(`slow (${gossip.health})`, 'busy')) : '–'}</td>
    <td>${gossip ? grouped(gossip.incarnation) : '–'}</td><td>${gossip ? grouped(queued) : '–'}</td>
    <td>${gossip ? `${grouped(gossip.stalls.count)}, ${duration(gossip.stalls.totalMs)}` : '–'}</td>
    <td>${server ? grouped(server.calls) : '–'}</td>
    <td>${server ? grouped(server.watchers) : '–'}</td></tr>`
}

customElements.define('reeve-members-view', MembersView)
