/** How well a layout reads: what may never be seen in a drawing, and what should be seen as little as possible. */

import { inside, overlap, type Point, type Rectangle } from './geometry.ts'
import type { Layout, PlacedArrow } from './layout.ts'
import { rowEnd } from './measure.ts'

export interface Readability {
  /** Things that hide each other, in words; a drawing that is shown has none. */
  readonly faults: readonly string[]
  /** Lower is better; a fault outweighs everything else. */
  readonly cost: number
}

interface Segment {
  readonly from: Point
  readonly to: Point
}

export function readability(layout: Layout): Readability {
  const faults = [...labelFaults(layout), ...lineFaults(layout), ...sharedLines(layout)]
  let cost = faults.length * 100_000 + crossings(layout) * 260 + layout.height * 0.5 + layout.width * 0.5
  cost += Math.max(0, layout.width - widestPx) * 4
  for (const { arrow, points, main, label } of layout.arrows) {
    cost += (points.length - 2) * (main ? 120 : 40)
    for (const { from, to } of segmentsOf(points)) cost += length({ from, to }) * 0.2
    // What makes an arrow leave should be read where it leaves.
    if (label) cost += Math.abs(label.y - points[0]!.y) * 0.1
    if (!main) continue
    cost += Math.abs(points.at(-1)!.x - points[0]!.x) * 2
    cost +=
      aside(points[0]!, boxOf(layout, arrow.source)) * 0.5 + aside(points.at(-1)!, boxOf(layout, arrow.target)) * 0.5
  }
  for (const placed of layout.boxes) {
    const parent = layout.boxes.find((each) => each.box.id === placed.around[0])
    if (!parent) continue
    if (placed.box.kind === 'final') cost += (parent.y + parent.height - placed.y - placed.height) * 0.5
    if (placed.box.children.length > 0) continue
    const stretchedBy = placed.width - placed.sheet.width
    cost += Math.max(0, stretchedBy - 90) * 2 + Math.max(0, stretchedBy - 220) * 4
  }
  return { faults, cost }
}

/** What a page of prose shows without shrinking it. */
const widestPx = 840

/** How far from the middle of a box a line leaves or reaches it. */
function aside({ x }: Point, box: Rectangle): number {
  return Math.abs(x - box.x - box.width / 2)
}

function length({ from, to }: Segment): number {
  return Math.abs(to.x - from.x) + Math.abs(to.y - from.y)
}

function boxOf({ boxes }: Layout, id: string): Layout['boxes'][number] {
  return boxes.find((each) => each.box.id === id)!
}

/** Labels that touch another label, a box they are not inside of, or the text at the top of one they are. */
function labelFaults({ arrows, boxes }: Layout): string[] {
  const faults: string[] = []
  arrows.forEach(({ arrow, label }, index) => {
    if (!label) return
    for (const other of arrows.slice(index + 1)) {
      if (other.label && overlap(label, other.label)) faults.push(`labels of ${arrow.id} and ${other.arrow.id}`)
    }
    for (const box of boxes) {
      const clash = inside(label, box) ? textOf(box).some((text) => overlap(label, text)) : overlap(label, box)
      if (clash) faults.push(`label of ${arrow.id} on ${box.box.id}`)
    }
  })
  return faults
}

/** Lines through labels other than their own, through boxes they neither leave nor enter, through text. */
function lineFaults({ arrows, boxes }: Layout): string[] {
  const faults: string[] = []
  for (const { arrow, points } of arrows) {
    for (const { from, to } of segmentsOf(points)) {
      const line = stroke(from, to)
      for (const other of arrows) {
        if (other.arrow !== arrow && other.label && overlap(line, other.label)) {
          faults.push(`line ${arrow.id} through label of ${other.arrow.id}`)
        }
      }
      for (const box of boxes) {
        const { id, children } = box.box
        if (children.length > 0 && textOf(box).some((text) => overlap(line, text))) {
          faults.push(`line ${arrow.id} through text of ${id}`)
        }
        const home = [arrow.source, arrow.target].some(
          (end) => end === id || boxes.find((each) => each.box.id === end)!.around.includes(id),
        )
        if (!home && overlap(line, box)) faults.push(`line ${arrow.id} through ${id}`)
      }
    }
  }
  return faults
}

/** Lines of two arrows that run upon each other. */
function sharedLines({ arrows }: Layout): string[] {
  const faults: string[] = []
  eachPair(arrows, (a, b) => {
    for (const one of segmentsOf(a.points)) {
      for (const two of segmentsOf(b.points)) {
        if (isVertical(one) !== isVertical(two)) continue
        const near = overlap(stroke(one.from, one.to, 2), stroke(two.from, two.to, 2))
        if (near) faults.push(`lines ${a.arrow.id} and ${b.arrow.id} run together`)
      }
    }
  })
  return faults
}

function crossings({ arrows }: Layout): number {
  let count = 0
  eachPair(arrows, (a, b) => {
    for (const one of segmentsOf(a.points)) {
      for (const two of segmentsOf(b.points)) {
        if (isVertical(one) !== isVertical(two) && overlap(stroke(one.from, one.to), stroke(two.from, two.to))) count++
      }
    }
  })
  return count
}

/** The rows at the top of a box, as rectangles on the page. */
function textOf(box: Layout['boxes'][number]): Rectangle[] {
  return box.sheet.rows.map((row) => ({
    x: box.x + 4,
    y: box.y + row.y - 12,
    width: rowEnd(row) + 2,
    height: 15,
  }))
}

function eachPair(arrows: readonly PlacedArrow[], visit: (a: PlacedArrow, b: PlacedArrow) => void): void {
  arrows.forEach((a, index) => {
    for (const b of arrows.slice(index + 1)) visit(a, b)
  })
}

function segmentsOf(points: readonly Point[]): Segment[] {
  return points.slice(1).map((to, index) => ({ from: points[index]!, to }))
}

function isVertical({ from, to }: Segment): boolean {
  return Math.abs(from.x - to.x) < Math.abs(from.y - to.y)
}

function stroke(from: Point, to: Point, halfWidth = 0.5): Rectangle {
  return {
    x: Math.min(from.x, to.x) - halfWidth,
    y: Math.min(from.y, to.y) - halfWidth,
    width: Math.abs(to.x - from.x) + 2 * halfWidth,
    height: Math.abs(to.y - from.y) + 2 * halfWidth,
  }
}
