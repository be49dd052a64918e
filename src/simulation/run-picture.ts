/** Draws a run: time goes to the right, a lane for each node, what went wrong where and when it did. Gives SVG. */

import type { RunStory } from './chronicle.ts'
import { type Bar, barsAndMarks, type Mark } from './run-bars.ts'
import { escaped, pictureStyle } from './run-picture-style.ts'

const width = 1200
const left = 96
const right = 28
const headHeight = 76
const barHeight = 16
const barGap = 4
const laneHeight = 46
const curveHeight = 56
const axisHeight = 34
const textLineHeight = 18
const lifeHeight = 10
const letterWidth = 5.9
const textsMax = 12
const textMaxLength = 165

export function drawRun(story: RunStory): string {
  return new RunPicture(story).draw()
}

class RunPicture {
  readonly #story: RunStory
  readonly #bars: readonly Bar[]
  readonly #marks: readonly Mark[]
  readonly #out: string[] = []
  #y = headHeight

  constructor(story: RunStory) {
    this.#story = story
    const { bars, marks } = barsAndMarks(story.steps, story.healedMs ?? story.endMs)
    this.#bars = bars
    this.#marks = marks
  }

  draw(): string {
    const { lanes } = this.#story
    const network = rowsOf(this.#bars.filter(({ host }) => host === undefined))
    const lanesFrom = headHeight + (network.length > 0 ? network.length * (barHeight + barGap) + 14 : 0)
    const lanesTo = lanesFrom + lanes.length * laneHeight
    this.#bands(lanesFrom)
    this.#network(network)
    this.#y = lanesFrom
    for (const lane of lanes) this.#lane(lane.host)
    this.#curve()
    this.#axis(headHeight, this.#y)
    this.#broken(lanesFrom, lanesTo)
    this.#legend()
    const height = Math.ceil(this.#y + 16)
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="run">\n` +
      `<style>${pictureStyle}</style>\n<rect class="paper" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="10"/>\n` +
      `${this.#head()}${this.#out.join('')}</svg>\n`
    )
  }

  #head(): string {
    const { title, subtitle, broken } = this.#story
    return (
      `<text class="title${broken.length > 0 ? ' bad' : ''}" x="24" y="34">${escaped(title)}</text>\n` +
      `<text class="subtitle" x="24" y="54">${escaped(cut(subtitle, 185))}</text>\n`
    )
  }

  /** Behind the lanes: which of them are cut off from others, and when. */
  #bands(lanesFrom: number): void {
    for (const { fromMs, toMs, cuts, text } of this.#bars) {
      for (const [index, { host }] of this.#story.lanes.entries()) {
        if (!cuts.includes(host)) continue
        const y = lanesFrom + index * laneHeight
        this.#add(`<rect class="band" ${this.#span(fromMs, toMs)} y="${y}" height="${laneHeight}">${tip(text)}</rect>`)
      }
    }
  }

  #network(rows: readonly (readonly Bar[])[]): void {
    if (rows.length === 0) return
    this.#add(`<text class="name" x="24" y="${headHeight + 12}">network</text>`)
    for (const [index, row] of rows.entries()) {
      const y = headHeight + index * (barHeight + barGap)
      for (const bar of row) this.#bar(bar, y, barHeight, bar.cuts.length > 0 ? 'cut' : 'weather')
    }
  }

  #bar({ fromMs, toMs, label, text }: Bar, y: number, height: number, kind: string): void {
    this.#add(
      `<rect class="bar ${kind}" ${this.#span(fromMs, toMs)} y="${y}" height="${height}" rx="3">${tip(text)}</rect>`,
    )
    const room = Math.floor((this.#x(toMs) - this.#x(fromMs) - 8) / letterWidth)
    if (height < barHeight || room < 4) return
    this.#add(
      `<text class="in ${kind}" x="${round(this.#x(fromMs) + 5)}" y="${y + 11.5}">${escaped(cut(label, room))}</text>`,
    )
  }

  #lane(host: string): void {
    const y = this.#y
    const life = y + 17
    this.#add(`<line class="rule" x1="24" x2="${width - right}" y1="${y}" y2="${y}"/>`)
    this.#add(`<text class="name" x="24" y="${life + 9}">${escaped(cut(host, 11))}</text>`)
    const { spells } = this.#story.lanes.find((lane) => lane.host === host)!
    for (const { life: state, fromMs, toMs } of spells) {
      if (state === 'down') {
        const at = life + lifeHeight / 2
        this.#add(`<line class="down" x1="${this.#x(fromMs)}" x2="${this.#x(toMs)}" y1="${at}" y2="${at}"/>`)
      } else {
        const times = `${seconds(fromMs)} to ${seconds(toMs)}`
        this.#add(
          `<rect class="life ${state}" ${this.#span(fromMs, toMs)} y="${life}" height="${lifeHeight}">${tip(`${host} ${state}, ${times}`)}</rect>`,
        )
      }
    }
    const rows = rowsOf(this.#bars.filter((bar) => bar.host === host)).slice(0, 3)
    for (const [index, row] of rows.entries()) {
      for (const bar of row) this.#bar(bar, life + lifeHeight + 3 + index * 5, 3.5, 'disk')
    }
    this.#labels(host, y + 11)
    this.#y += laneHeight
  }

  /** A mark for each that struck, with its name where there is room: a name is at the mark, and overlaps no other. */
  #labels(host: string, y: number): void {
    let freeFrom = 0
    const struck = this.#marks.filter((mark) => mark.host === host)
    const bars = this.#bars.filter((bar) => bar.host === host)
    const named = [
      ...struck.map((mark) => ({ ...mark, kind: 'mark' })),
      ...bars.map(({ fromMs: atMs, label, text }) => ({ atMs, label, text, kind: 'begins' })),
    ].sort((one, other) => one.atMs - other.atMs)
    for (const [index, { atMs, label, text, kind }] of named.entries()) {
      const x = this.#x(atMs)
      if (kind === 'mark') {
        this.#add(`<path class="mark" d="M${x} ${y + 2}l4 -7h-8z">${tip(`${seconds(atMs)}: ${text}`)}</path>`)
      }
      const from = kind === 'mark' ? x + 6 : x
      const to = from + label.length * letterWidth
      const next = named[index + 1]
      if (from < freeFrom || to > (next ? this.#x(next.atMs) - 5 : width - 4)) continue
      freeFrom = to + 4
      this.#add(`<text class="${kind}" x="${round(from)}" y="${y + 1}">${escaped(label)}</text>`)
    }
  }

  #curve(): void {
    const { acknowledged, endMs } = this.#story
    const top = Math.max(1, ...acknowledged)
    const y = this.#y + 8
    const floor = y + curveHeight
    const points = acknowledged.map((count, second) => {
      const x = this.#x(Math.min(endMs, (second + 0.5) * 1000))
      return `${x} ${round(floor - (count / top) * (curveHeight - 6))}`
    })
    this.#add(`<line class="rule" x1="24" x2="${width - right}" y1="${this.#y}" y2="${this.#y}"/>`)
    this.#add(`<text class="name" x="24" y="${y + 18}">acknowl.</text>`)
    this.#add(`<text class="tick" x="24" y="${y + 33}">up to ${top}/s</text>`)
    if (points.length > 0) {
      const line = points.join('L')
      this.#add(`<path class="area" d="M${this.#x(0)} ${floor}L${line}L${this.#x(endMs)} ${floor}z"/>`)
      this.#add(`<path class="curve" d="M${line}"/>`)
    }
    this.#y = floor
  }

  #axis(from: number, to: number): void {
    const { endMs, healedMs, settledMs } = this.#story
    this.#add(`<line class="axis" x1="${left}" x2="${width - right}" y1="${to}" y2="${to}"/>`)
    const step = tickMs(endMs)
    for (let atMs = 0; atMs <= endMs; atMs += step) {
      const x = this.#x(atMs)
      this.#out.unshift(`<line class="grid" x1="${x}" x2="${x}" y1="${from - 4}" y2="${to}"/>\n`)
      const text = step >= 60_000 ? `${atMs / 60_000} min` : `${atMs / 1000} s`
      this.#add(`<text class="tick middle" x="${x}" y="${to + 16}">${text}</text>`)
    }
    const moments: [number | undefined, string, string][] = [
      [healedMs, 'all healed', 'end'],
      [settledMs, 'at rest', 'start'],
    ]
    for (const [atMs, label, anchor] of moments) {
      if (atMs === undefined) continue
      const x = this.#x(atMs)
      this.#add(`<line class="moment" x1="${x}" x2="${x}" y1="${from - 8}" y2="${to}"/>`)
      const beside = x + (anchor === 'end' ? -4 : 4)
      this.#add(`<text class="momentText ${anchor}" x="${round(beside)}" y="${from - 2}">${label}</text>`)
    }
    this.#y = to + axisHeight
  }

  /** Where a promise was seen broken, with a number, and below in words. */
  #broken(lanesFrom: number, lanesTo: number): void {
    const { broken, lanes } = this.#story
    // The first ones last, so that they lie above all others.
    for (const [index, { atMs, host, text }] of [...broken.entries()].reverse()) {
      const lane = lanes.findIndex((one) => one.host === host)
      const x = this.#x(atMs)
      const y = lane < 0 ? lanesFrom : lanesFrom + lane * laneHeight + 22
      const words = tip(`${seconds(atMs)}: ${text}`)
      if (index < textsMax)
        this.#add(`<line class="brokenLine" x1="${x}" x2="${x}" y1="${lanesFrom}" y2="${lanesTo}"/>`)
      this.#add(`<circle class="broken" cx="${x}" cy="${y}" r="${index < textsMax ? 8 : 3}">${words}</circle>`)
      if (index >= textsMax) continue
      this.#add(`<text class="number" x="${x}" y="${y + 3.5}">${index + 1}</text>`)
    }
    for (const [index, { atMs, text }] of broken.slice(0, textsMax).entries()) {
      const line = `${index + 1}.  ${seconds(atMs)}  ${text.split('\n')[0]}`
      this.#add(`<text class="brokenText" x="24" y="${this.#y + 6}">${escaped(cut(line, textMaxLength))}</text>`)
      this.#y += textLineHeight
    }
    if (broken.length > textsMax) {
      this.#add(`<text class="brokenText" x="24" y="${this.#y + 6}">and ${broken.length - textsMax} more</text>`)
      this.#y += textLineHeight
    }
  }

  #legend(): void {
    const y = this.#y + (this.#story.broken.length > 0 ? 16 : 4)
    let x = left
    for (const [kind, label] of [
      ['up', 'up'],
      ['starting', 'starting'],
      ['stopping', 'stopping'],
      ['paused', 'stands still'],
      ['band', 'cut off'],
      ['disk', 'in trouble'],
    ] as const) {
      const shape = kind === 'band' ? 'band' : kind === 'disk' ? 'bar disk' : `life ${kind}`
      const height = kind === 'disk' ? 3.5 : kind === 'band' ? 14 : lifeHeight
      this.#add(`<rect class="${shape}" x="${x}" y="${round(y - 4 - height / 2)}" width="20" height="${height}"/>`)
      this.#add(`<text class="tick" x="${x + 26}" y="${y}">${label}</text>`)
      x += 26 + label.length * letterWidth + 26
    }
    this.#add(`<line class="down" x1="${round(x)}" x2="${round(x + 20)}" y1="${y - 4}" y2="${y - 4}"/>`)
    this.#add(`<text class="tick" x="${round(x + 26)}" y="${y}">down</text>`)
    this.#y = y
  }

  #add(line: string): void {
    this.#out.push(line, '\n')
  }

  #span(fromMs: number, toMs: number): string {
    const x = this.#x(fromMs)
    return `x="${x}" width="${round(Math.max(1.5, this.#x(toMs) - x))}"`
  }

  #x(atMs: number): number {
    return round(left + (atMs / Math.max(1, this.#story.endMs)) * (width - left - right))
  }
}

/** Into as few rows as it takes that none overlaps another. */
function rowsOf(bars: readonly Bar[]): Bar[][] {
  const rows: Bar[][] = []
  for (const bar of bars) {
    const row = rows.find((candidate) => candidate.at(-1)!.toMs <= bar.fromMs)
    if (row) row.push(bar)
    else rows.push([bar])
  }
  return rows
}

function tickMs(endMs: number): number {
  const steps = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200].map((seconds) => seconds * 1000)
  return steps.find((step) => endMs / step <= 14) ?? Math.ceil(endMs / 14 / 3_600_000) * 3_600_000
}

function tip(text: string): string {
  return `<title>${escaped(text)}</title>`
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(1, length - 1))}…`
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
