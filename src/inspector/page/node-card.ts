/** One node at a glance: how it is, what it did within the last minute, whom it copies from, what is wrong. */

import { css, html, nothing, svg, type TemplateResult } from 'lit'
import type { DiskPart, LoadPart, SyncLoad } from '../facts.ts'
import { type LoadBar, shownMs } from './loads.ts'
import { badge, byteSize, duration, grouped, look } from './look.ts'
import { type Link, lookOf, type Standing } from './standing.ts'

export const cardLook = [
  look,
  css`
    .card {
      padding: 12px 14px;
      display: grid;
      gap: 8px;
      align-content: start;
      min-width: 0;
    }
    .card > * {
      min-width: 0;
    }
    .card.down {
      border-style: dashed;
      border-color: var(--edge);
      background: var(--ground);
    }
    .card header {
      display: flex;
      align-items: baseline;
      justify-content: space-between;
      gap: 8px;
    }
    .card header .badge {
      flex: none;
      max-width: 60%;
    }
    .card dl {
      margin: 0;
      font-size: 13px;
    }
    /* Not a grid: a short name leaves its value more room. */
    .card dt {
      float: left;
      clear: left;
      margin-right: 10px;
      color: var(--faint);
    }
    .card dd {
      margin: 0 0 2px;
      text-align: right;
      overflow: hidden;
      text-overflow: ellipsis;
      white-space: nowrap;
      font-variant-numeric: tabular-nums;
    }
    .swatch {
      display: inline-block;
      width: 8px;
      height: 8px;
      margin-right: 6px;
      border-radius: 2px;
      background: var(--accent);
    }
    .swatch.copied {
      background: var(--copy);
      border-radius: 50%;
    }
    .load {
      display: block;
      width: 100%;
      height: 36px;
      border-bottom: 1px solid var(--edge);
    }
    .load .written {
      fill: var(--accent);
    }
    .load .copied {
      fill: var(--copy);
    }
    .from {
      display: flex;
      flex-wrap: wrap;
      gap: 4px 6px;
      align-items: center;
      padding-top: 8px;
      border-top: 1px solid var(--rule);
    }
    .alarms {
      display: grid;
      gap: 4px;
      justify-items: start;
      font-size: 12px;
    }
    .badge.long {
      white-space: normal;
      border-radius: 6px;
    }
  `,
]

export interface CardFacts {
  readonly links: readonly Link[]
  readonly bars: readonly LoadBar[]
}

export function nodeCard({ name, replay, word, tone, up, why }: Standing, facts: CardFacts): TemplateResult {
  const { node, gossip, load, disk, alarms = [] } = replay?.facts ?? {}
  return html`<section class="panel card ${up ? '' : 'down'}" aria-label="Node ${name}">
    <header><h2 class="clip" title=${name}>${name}</h2>${badge(word, tone, why || word)}</header>
    ${why ? html`<span class="faint">${why}</span>` : nothing}
    ${
      replay && up
        ? html`${facts.bars.length > 1 ? chart(facts.bars) : nothing}<dl>
          ${
            load
              ? html`<dt><span class="swatch"></span>Written</dt><dd>${perSecond(load.written, load)} / s</dd>
                <dt><span class="swatch copied"></span>Copied</dt><dd>${perSecond(load.copied, load)} / s</dd>`
              : nothing
          }
          ${load?.syncs ? html`<dt>Fsync</dt><dd title="${fsync(load.syncs)}: the median, the 99th of 100, and the longest of the last look">${fsyncShort(load.syncs)}</dd>` : nothing}
          ${load ? html`<dt>Event loop</dt><dd>${lateness(load)}</dd>` : nothing}
          ${disk ? html`<dt>Disk free</dt><dd>${room(disk)}</dd>` : nothing}
          ${gossip && gossip.health > 0 ? html`<dt>Health</dt><dd>${badge(`slow (${gossip.health} of 7)`, 'busy')}</dd>` : nothing}
          ${node?.rpcAddress ? html`<dt>Calls at</dt><dd title=${node.rpcAddress}>${node.rpcAddress}</dd>` : nothing}
          <dt>Actors</dt><dd><a href="#/actors">${grouped(replay.actors.size)}</a></dd>
        </dl>${facts.links.length === 0 ? nothing : sources(facts.links)}`
        : nothing
    }
    ${up ? alarmBadges(alarms) : nothing}
  </section>`
}

export function alarmBadges(
  alarms: readonly { readonly severity: string; readonly text: string }[],
): TemplateResult | typeof nothing {
  if (alarms.length === 0) return nothing
  return html`<div class="alarms">${alarms.map(({ severity, text }) => badge(text, severity === 'error' ? 'bad' : 'busy', text, 'long'))}</div>`
}

function sources(links: readonly Link[]): TemplateResult {
  return html`<div class="from"><span class="faint">Copies from</span>${links.map((link) => {
    const { tone, says } = lookOf(link)
    const lag = link.lagRecords > 0 ? ` −${grouped(link.lagRecords)}` : ''
    return badge(`${link.from}${lag}`, tone, `${link.from}: ${says}${lag}`)
  })}</div>`
}

/** A bar for each look within the last minute: what was copied stands on what was written. */
function chart(bars: readonly LoadBar[]): TemplateResult {
  const most = Math.max(1, ...bars.map(({ written, copied }) => written + copied))
  const endMs = bars.at(-1)?.atMs ?? 0
  const [width, height] = [60, 30]
  return html`<svg class="load" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img"
    aria-label="Written and copied within the last minute, at most ${grouped(Math.round(most))} records a second">
    <title>The last minute; at most ${grouped(Math.round(most))} / s</title>${bars.map(({ atMs, written, copied }) => {
      const x = width - 1 - ((endMs - atMs) * (width - 1)) / shownMs
      const [low, high] = [(written / most) * height, (copied / most) * height]
      return svg`<rect class="written" x=${x} y=${height - low} width="0.8" height=${low}></rect>
        <rect class="copied" x=${x} y=${height - low - high} width="0.8" height=${high}></rect>`
    })}</svg>`
}

export function perSecond(count: number, { periodMs }: LoadPart): string {
  return grouped(Math.round((1000 * count) / Math.max(1, periodMs)))
}

/** The median, what 99 of 100 did not exceed, and the longest. */
export function fsync({ medianMs, p99Ms, maxMs }: SyncLoad): string {
  return `${duration(medianMs)}, ${p99Ms === undefined ? '' : `p99 ${duration(p99Ms)}, `}≤ ${duration(maxMs)}`
}

/** A card has no room for the longest. */
function fsyncShort({ medianMs, p99Ms, maxMs }: SyncLoad): string {
  return `${duration(medianMs)}, ${p99Ms === undefined ? `≤ ${duration(maxMs)}` : `p99 ${duration(p99Ms)}`}`
}

export function lateness({ loopDelayMs }: LoadPart): string {
  return loopDelayMs < 1 ? 'on time' : `${duration(loopDelayMs)} late`
}

export function room({ freeBytes, totalBytes }: DiskPart): string {
  const percent = totalBytes > 0 ? ` (${Math.round((100 * freeBytes) / totalBytes)} %)` : ''
  return `${byteSize(freeBytes)}${percent}`
}
