/** Small pieces that several parts of the page show in the same way. */

import { css, html, type TemplateResult } from 'lit'

/** How something is: told by a sign as well as by a colour. */
export type Tone = 'good' | 'busy' | 'bad' | 'quiet'

const tones: Readonly<Record<string, Tone>> = {
  ...{
    alive: 'good',
    among: 'good',
    live: 'good',
    listening: 'good',
    serving: 'good',
    running: 'good',
    open: 'good',
    settled: 'good',
  },
  ...{ failed: 'bad', diverged: 'bad', refused: 'bad', error: 'bad', away: 'bad' },
  ...{
    left: 'quiet',
    parked: 'quiet',
    stopped: 'quiet',
    closed: 'quiet',
    gone: 'quiet',
    unsupported: 'quiet',
    done: 'quiet',
  },
}

/** The innermost word counts: `supervisor.up.clustered.running.serving` is as `serving`. Unknown words: on the way. */
export function toneOf(state: string): Tone {
  const word = leaf(state)
  return (Object.hasOwn(tones, word) ? tones[word] : undefined) ?? 'busy'
}

export const signs: Readonly<Record<Tone, string>> = { good: '●', busy: '◐', bad: '✕', quiet: '○' }

export function badge(text: string, tone = toneOf(text), title = text, more = ''): TemplateResult {
  return html`<span class="badge ${tone} ${more}" title=${title}><span class="sign" aria-hidden="true">${signs[tone]}</span><span
    class="words">${text}</span></span>`
}

/** `supervisor.up.clustered.running.serving` without the chart's own name, parts in order. */
export function statePath(state: string): string {
  return state.split('.').slice(1).join(' › ')
}

export function leaf(state: string): string {
  return state.slice(state.lastIndexOf('.') + 1)
}

/** `xstate.after.dialTimeout.replicator.pulling.dialing` as people say it; others as they are. */
export function eventName(type: string): string {
  const [, kind = '', rest = ''] = /^xstate\.(after|done\.actor|done\.state|error\.actor)\.(.+)$/.exec(type) ?? []
  if (kind === 'after')
    return `after ${/^\d+$/.test(rest.split('.')[0] ?? '') ? `${rest.split('.')[0]} ms` : rest.split('.')[0]}`
  if (kind === 'done.state') return `${leaf(rest)} ends`
  if (kind !== '') return `${rest === '*' ? 'any actor' : rest} ${kind === 'done.actor' ? 'is done' : 'crashed'}`
  return type
}

/** 12,345 */
export function grouped(value: number): string {
  return value.toLocaleString('en')
}

/** 14:03:22.118 */
export function clockTime(atMs: number): string {
  const at = new Date(atMs)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`
}

/** 1.4 MiB */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** 0.8 ms, 12 ms, 3.4 s, 2 min */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`
}

export const look = css`
  :host {
    display: block;
    color: var(--ink);
    font: inherit;
  }
  * {
    box-sizing: border-box;
  }
  h2,
  h3 {
    margin: 0;
    font-weight: 600;
    letter-spacing: 0.01em;
  }
  h2 {
    font-size: 15px;
  }
  h3 {
    font-size: 13px;
    color: var(--text);
  }
  .panel {
    background: var(--raised);
    border: 1px solid var(--frame);
    border-radius: var(--radius);
    overflow: hidden;
  }
  .faint {
    color: var(--faint);
  }
  .clip {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
    min-width: 0;
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .mono {
    font-family: var(--mono);
    font-size: 12px;
  }
  .number {
    font-variant-numeric: tabular-nums;
    text-align: right;
  }
  .empty {
    padding: 48px 16px;
    text-align: center;
    color: var(--faint);
  }
  .badge {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    padding: 1px 8px 1px 6px;
    border-radius: 999px;
    font-size: 12px;
    line-height: 18px;
    max-width: 100%;
    min-width: 0;
    white-space: nowrap;
    background: var(--quiet-fill);
    color: var(--quiet);
  }
  .badge .words {
    overflow: hidden;
    text-overflow: ellipsis;
  }
  .badge .sign {
    flex: none;
    font-size: 9px;
    width: 10px;
    text-align: center;
  }
  .badge.good {
    background: var(--good-fill);
    color: var(--good);
  }
  .badge.busy {
    background: var(--busy-fill);
    color: var(--busy);
  }
  .badge.bad {
    background: var(--bad-fill);
    color: var(--bad);
  }
  button,
  select,
  input {
    font: inherit;
    color: var(--ink);
    background: var(--raised);
    border: 1px solid var(--edge);
    border-radius: 6px;
    padding: 3px 10px;
  }
  ::placeholder {
    color: var(--faint);
    opacity: 1;
  }
  button {
    cursor: pointer;
  }
  button:hover {
    border-color: var(--accent);
  }
  button[disabled] {
    opacity: 0.5;
    cursor: default;
  }
  button.quiet {
    border-color: transparent;
    background: none;
    color: var(--text);
  }
  button.quiet:hover {
    color: var(--accent);
  }
  input[type='checkbox'] {
    accent-color: var(--accent);
    margin: 0 4px 0 0;
    vertical-align: -2px;
  }
  button[aria-pressed='true'] {
    background: var(--accent-fill);
    border-color: var(--accent);
    color: var(--accent);
  }
  :is(button, select, input, a, [tabindex]):focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 1px;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
`
