/** Tries arrangements of a chart and finds the one that reads best. */

import type { Chart } from './chart.ts'
import { type Arrangement, type Layout, layOut, type PlacedBox } from './layout.ts'
import { boxesIn } from './rank.ts'
import { readability } from './readability.ts'

/** What one arrangement does better another does worse, and which is which depends on the chart: all are tried. */
const arrangements: Arrangement[] = (['NETWORK_SIMPLEX', 'LONGEST_PATH'] as const).flatMap((layering) =>
  (['TAIL_LAYER', 'MEDIAN_LAYER'] as const).flatMap((labels) =>
    [1, 10].flatMap((straightness) => [1, 2, 3].map((seed) => ({ layering, labels, straightness, seed, fixed: [] }))),
  ),
)

/** Boxes stretched by more are worth an attempt without. */
const wideByPx = 120
/** So many of the best first attempts are improved step by step. */
const promising = 4

interface Attempt {
  readonly layout: Layout
  readonly cost: number
}

export async function arrange(chart: Chart): Promise<Layout> {
  const attempts: Attempt[] = []
  for (const arrangement of arrangements) {
    const free = await attempt(chart, arrangement)
    if (!free) continue
    const fixed = free.layout.boxes.filter(isWide).map((placed) => placed.box.id)
    attempts.push(fixed.length === 0 ? free : better(free, await attempt(chart, { ...arrangement, fixed })))
  }
  attempts.sort((a, b) => a.cost - b.cost)
  let best = attempts[0]
  if (!best) throw new Error(`${chart.name}: no layout was found`)
  for (const each of attempts.slice(0, promising)) best = better(best, await improve(chart, each))
  return best.layout
}

/** Fixes or frees one box after the other, and keeps what helps. */
async function improve(chart: Chart, from: Attempt): Promise<Attempt> {
  let best = from
  for (const { id, name, children } of boxesIn(chart.root)) {
    if (children.length > 0 || name === '') continue
    const { arrangement } = best.layout
    const fixed = arrangement.fixed.filter((each) => each !== id)
    if (fixed.length === arrangement.fixed.length) fixed.push(id)
    best = better(best, await attempt(chart, { ...arrangement, fixed }))
  }
  return best
}

/** Undefined: elk breaks off with an error of its own on a few combinations of chart and arrangement. */
async function attempt(chart: Chart, arrangement: Arrangement): Promise<Attempt | undefined> {
  const layout = await layOut(chart, arrangement).catch(() => undefined)
  return layout && { layout, cost: readability(layout).cost }
}

/** The first one when they are equal. */
function better(a: Attempt, b: Attempt | undefined): Attempt {
  return b && b.cost < a.cost ? b : a
}

function isWide({ box, width, sheet }: PlacedBox): boolean {
  return box.children.length === 0 && width > sheet.width + wideByPx
}
