/**
 * The pictures of this folder. Finding how to arrange one takes seconds; a picture therefore carries its arrangement
 * (`data-arrangement`), by which it can be made again at once, to see whether it still shows what the chart says.
 */

import { charts } from '../index.ts'
import { readActors } from './actors.ts'
import { arrange } from './arrange.ts'
import { type Chart, readChart } from './chart.ts'
import { type Arrangement, layOut } from './layout.ts'
import { render } from './render.ts'

/** What there is to draw, by the name of its file. */
export function pictures(): Map<string, Chart> {
  return new Map([
    ['actors.svg', readActors()],
    ...Object.entries(charts).map(([name, machine]) => [`${name}.svg`, readChart(machine)] as const),
  ])
}

export async function draw(chart: Chart): Promise<string> {
  return render(chart.name, await arrange(chart))
}

/** The chart of today, arranged as in a picture drawn before. Equal to that picture: it is up to date. */
export async function redraw(chart: Chart, before: string): Promise<string> {
  const arrangement = /data-arrangement="([^"]*)"/.exec(before)?.[1]
  if (arrangement === undefined) return draw(chart)
  return render(chart.name, await layOut(chart, JSON.parse(arrangement.replaceAll('&quot;', '"')) as Arrangement))
}
