/** Takes steps out of lines: where an arrow could as well run straight, it does. */

import { type Point, type Rectangle, tenths } from './geometry.ts'
import type { Layout, PlacedArrow } from './layout.ts'
import { readability } from './readability.ts'

/** From the corner of a box to the first arrow. */
const cornerPx = 12

/** Takes a step out only where the drawing reads better without it. */
export function straighten(layout: Layout): Layout {
  let best = layout
  let { cost } = readability(best)
  for (let index = 0; index < best.arrows.length; ) {
    const candidates = withoutOneStep(best.arrows[index]!, best)
    const better = candidates
      .map((arrow) => ({ ...best, arrows: best.arrows.with(index, arrow) }))
      .find((candidate) => readability(candidate).cost < cost)
    if (better) {
      best = better
      cost = readability(better).cost
    } else {
      index++
    }
  }
  return best
}

/** The arrow with one of its steps (down, aside, down) gone, by moving what is before or what is behind it. */
function withoutOneStep(placed: PlacedArrow, layout: Layout): PlacedArrow[] {
  const { points } = placed
  const found: PlacedArrow[] = []
  for (let i = 1; i + 2 < points.length; i++) {
    const [before, from, to, after] = [points[i - 1]!, points[i]!, points[i + 1]!, points[i + 2]!]
    const step = from.y === to.y && before.x === from.x && to.x === after.x
    if (!step) continue
    const kept = [...points.slice(0, i), ...points.slice(i + 2)]
    found.push(
      moved(placed, kept.with(i, { ...after, x: from.x }), [to, after], from.x),
      moved(placed, kept.with(i - 1, { ...before, x: to.x }), [before, from], to.x),
    )
  }
  return found.filter((arrow) => endsFit(arrow, layout))
}

/** A label stays on its line: it moves with the stretch it sits on. */
function moved(placed: PlacedArrow, points: readonly Point[], [from, to]: [Point, Point], x: number): PlacedArrow {
  const { label } = placed
  if (!label) return { ...placed, points }
  const middle = { x: label.x + label.width / 2, y: label.y + label.height / 2 }
  const onStretch =
    Math.abs(middle.x - from.x) < 2 && middle.y > Math.min(from.y, to.y) && middle.y < Math.max(from.y, to.y)
  return { ...placed, points, label: onStretch ? { ...label, x: tenths(label.x + x - from.x) } : label }
}

function endsFit({ arrow, points }: PlacedArrow, { boxes }: Layout): boolean {
  const box = (id: string) => boxes.find((each) => each.box.id === id)!
  return fits(points[0]!, box(arrow.source)) && fits(points.at(-1)!, box(arrow.target))
}

function fits({ x }: Point, box: Rectangle): boolean {
  const corner = Math.min(cornerPx, box.width / 2)
  return x >= box.x + corner && x <= box.x + box.width - corner
}
