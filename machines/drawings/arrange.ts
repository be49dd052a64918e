/** Tries arrangements of a chart and finds the one that reads best. */

import type { Chart } from './chart.ts'
import { type Arrangement, type Layout, layOut, type PlacedBox } from './layout.ts'
import { boxesIn } from './rank.ts'
import { readability } from './readability.ts'

/** What one arrangement does better another does worse, and which is which depends on the chart: all are tried. */
const arrangements: Arrangement[] = (['NETWORK_SIMPLEX', 'LONGEST_PATH'] as const).flatMap((layering) =>
  (['TAIL_LAYER', 'MEDIAN_LAYER'] as const).flatMap((labels) =>
    [1, 10].flatMap((straightness) =>
      [1, 2, 3, 4].map((seed) => ({ layering, labels, straightness, seed, fixed: [] })),
    ),
  ),
)

/** Boxes stretched by more are worth an attempt without. */
const wideByPx = 120

export async function arrange(chart: Chart): Promise<Layout> {
  let best: Layout | undefined
  let bestCost = Number.POSITIVE_INFINITY
  const attempt = async (arrangement: Arrangement) => {
    const layout = await layOut(chart, arrangement)
    const { cost } = readability(layout)
    if (cost < bestCost) {
      best = layout
      bestCost = cost
    }
    return layout
  }
  for (const arrangement of arrangements) {
    const { boxes } = await attempt(arrangement)
    const fixed = boxes.filter(isWide).map((placed) => placed.box.id)
    if (fixed.length > 0) await attempt({ ...arrangement, fixed })
  }
  // From the best one on: fix or free one box after the other, and keep what helps.
  for (const { id, name, children } of boxesIn(chart.root)) {
    if (children.length > 0 || name === '') continue
    const { arrangement } = best!
    const fixed = arrangement.fixed.filter((each) => each !== id)
    if (fixed.length === arrangement.fixed.length) fixed.push(id)
    await attempt({ ...arrangement, fixed })
  }
  return best!
}

function isWide({ box, width, sheet }: PlacedBox): boolean {
  return box.children.length === 0 && width > sheet.width + wideByPx
}
