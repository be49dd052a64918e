/** Regions of a parallel state stand side by side: this gives them the same top and the same height. */

import { type Rectangle, tenths } from './geometry.ts'
import type { Layout } from './layout.ts'

export function evenRegions(layout: Layout): Layout {
  const parallels = layout.boxes.filter((placed) => placed.box.kind === 'parallel')
  return parallels.reduce((even, { box }) => {
    const regions = box.children.map((region) => region.id)
    return evenOne(even, regions)
  }, layout)
}

function evenOne(layout: Layout, regions: readonly string[]): Layout {
  const regionOf = new Map(
    layout.boxes.map(({ box, around }) => [
      box.id,
      regions.find((region) => region === box.id || around.includes(region)),
    ]),
  )
  // A region that an arrow ties to the outside stays where it is, and so do its siblings.
  if (layout.arrows.some(({ arrow }) => regionOf.get(arrow.source) !== regionOf.get(arrow.target))) return layout
  const placed = new Map(layout.boxes.filter(({ box }) => regions.includes(box.id)).map((each) => [each.box.id, each]))
  const top = Math.min(...[...placed.values()].map((each) => each.y))
  const height = Math.max(...[...placed.values()].map((each) => each.height))
  const rise = (id: string) => {
    const region = placed.get(regionOf.get(id) ?? '')
    return region ? region.y - top : 0
  }
  const raised = <T extends Rectangle>(shape: T, by: number): T => ({ ...shape, y: tenths(shape.y - by) })
  return {
    ...layout,
    boxes: layout.boxes.map((each) => {
      const box = raised(each, rise(each.box.id))
      return placed.has(each.box.id) ? { ...box, height } : box
    }),
    arrows: layout.arrows.map((each) => {
      const by = rise(each.arrow.source)
      const points = each.points.map(({ x, y }) => ({ x, y: tenths(y - by) }))
      return { ...each, points, label: each.label && raised(each.label, by) }
    }),
  }
}
