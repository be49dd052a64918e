/** Whom each node believes alive, as small charts of SWIM's states; alarms, gossip, sessions, and what was heard by gossip. */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { HeardRecord } from '../record.ts'
import { healthTables, tableLook } from './health-tables.ts'
import { badge, byteSize, clockTime, duration, grouped, look } from './look.ts'
import { Part } from './part.ts'
import { type Seen, seenMembers } from './seen-members.ts'
import { alarmsOf, type NodeAlarm, standingsOf } from './standing.ts'
import { swimChart, swimLook } from './swim-chart.ts'

const heardMax = 100
const searchedMax = 20_000
/** A clock that is no farther off agrees. */
const unnoticedMs = 50

export class MembersView extends Part {
  static override styles = [
    look,
    swimLook,
    tableLook,
    css`
      :host {
        padding: 16px;
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 16px;
        max-width: 1680px;
        margin: 0 auto;
      }
      .title {
        padding: 12px 14px 6px;
        display: flex;
        gap: 4px 12px;
        align-items: baseline;
        flex-wrap: wrap;
      }
      .members {
        display: grid;
        gap: 12px;
        padding: 8px 14px 14px;
        grid-template-columns: repeat(auto-fill, minmax(min(270px, 100%), 1fr));
      }
      .member {
        border: 1px solid var(--rule);
        border-radius: var(--radius);
        padding: 10px 12px;
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 6px;
        align-content: start;
      }
      .facts {
        display: flex;
        flex-wrap: wrap;
        gap: 0 14px;
        font-size: 12px;
        color: var(--text);
      }
      details {
        font-size: 12px;
      }
      summary {
        cursor: pointer;
        color: var(--text);
      }
      summary:focus-visible {
        outline: 2px solid var(--accent);
      }
      .by {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto auto;
        gap: 2px 12px;
        margin-top: 4px;
        align-items: center;
      }
      .tags {
        overflow-wrap: anywhere;
        margin-top: 4px;
      }
      ul {
        list-style: none;
        margin: 0;
        padding: 0 14px 12px;
      }
      li {
        padding: 3px 0;
        overflow-wrap: anywhere;
      }
      .alarms {
        border-color: var(--busy);
      }
    `,
  ]

  override render() {
    const nodes = [...this.desk.moment.nodes.values()].sort((one, other) => (one.node < other.node ? -1 : 1))
    // What a node that is down said last is no view of anything.
    const standings = standingsOf(this.desk.moment)
    const alarms = alarmsOf(standings)
    const down = new Set(standings.flatMap(({ name, up }) => (up ? [] : name)))
    const observers = nodes.filter(({ node, actors }) => actors.size > 0 && !down.has(node))
    const members = seenMembers(observers)
    if (members.length === 0) {
      return html`${this.#alarms(alarms)}<div class="empty" role="status">No node told of its members at this moment.</div>${this.#heard()}`
    }
    return html`
      ${this.#alarms(alarms)}
      <section class="panel" aria-label="Members"><div class="title"><h2>Members</h2>
        <span class="faint">${grouped(members.length)}, as ${observers.length === 1 ? 'one node sees' : `${observers.length} nodes see`} them by gossip</span></div>
        <div class="members">${members.map(member)}</div></section>
      ${healthTables(observers)}
      ${this.#heard()}
    `
  }

  #alarms(alarms: readonly NodeAlarm[]): TemplateResult | typeof nothing {
    if (alarms.length === 0) return nothing
    return html`<section class="panel alarms" aria-label="Alarms"><div class="title"><h2>Alarms</h2></div><ul>${alarms.map(
      ({
        node,
        alarm: { what, severity, text, sinceMs },
      }) => html`<li>${badge(what, severity === 'error' ? 'bad' : 'busy', severity)} <strong>${node}</strong> ${text}
        <span class="faint">since ${clockTime(sinceMs)}</span></li>`,
    )}</ul></section>`
  }

  #heard(): TemplateResult {
    const { story, position } = this.desk
    const heard: HeardRecord[] = []
    for (let at = position - 1; at >= Math.max(story.first, position - searchedMax) && heard.length < heardMax; at--) {
      const record = story.record(at)
      if (record?.kind === 'heard') heard.push(record)
    }
    return html`<section class="panel" aria-label="Heard"><div class="title"><h2>Events and queries heard</h2>
      ${heard.length === 0 ? html`<span class="faint">none yet: <span class="mono">reeve serf event NAME</span> sends one</span>` : nothing}</div>
      <ul>${heard.map(
        ({
          node,
          what,
          name,
          from,
          atMs,
          lTime,
          payload,
        }) => html`<li><span class="mono faint">${clockTime(atMs)}</span>
          ${badge(what, 'quiet')} <strong>${name}</strong>${from ? html` from ${from}` : nothing}, heard by ${node}
          <span class="faint">${byteSize(payload.bytes)}, Lamport time ${lTime}</span></li>`,
      )}</ul></section>`
  }
}

function member({ name, address, tags, counts, by, rttMs, skewMs, incarnation }: Seen): TemplateResult {
  const pairs = Object.entries(tags)
  return html`<article class="member" aria-label="Member ${name}">
    <h3 class="clip" title=${name}>${name}</h3>
    ${swimChart(name, counts)}
    <div class="facts"><span class="mono">${address}</span>
      ${rttMs === undefined ? nothing : html`<span title="Estimated round trip, from the nearest to the farthest">${rttMs[0] === rttMs[1] ? duration(rttMs[0]) : `${duration(rttMs[0])} to ${duration(rttMs[1])}`} away</span>`}
      ${skewMs === undefined ? nothing : html`<span title="As those see it that copy from it; the one farthest off">${clockWords(skewMs)}</span>`}
      ${incarnation === undefined ? nothing : html`<span title="How often it refuted that it failed">incarnation ${grouped(incarnation)}</span>`}</div>
    <details><summary>as each node sees it</summary><div class="by">${by.map(
      ({ node, status, rttMs: rtt }) => html`<span class="clip">${node}</span>${badge(status)}
        <span class="number faint">${rtt === null ? '' : duration(rtt)}</span>`,
    )}</div>
    ${pairs.length === 0 ? nothing : html`<div class="tags mono faint">${pairs.map(([key, value]) => html`${key}=${value.slice(0, 120)}<br />`)}</div>`}</details>
  </article>`
}

function clockWords(skewMs: number): string {
  if (Math.abs(skewMs) < unnoticedMs) return 'clock agrees'
  return `clock ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`
}

customElements.define('reeve-members-view', MembersView)
