/** Who reach each other, both ways, be it through others. */

export function islandsOf<T>(all: readonly T[], isOpen: (from: T, to: T) => boolean): T[][] {
  const islands: T[][] = []
  const left = new Set(all)
  for (const one of all) {
    if (!left.delete(one)) continue
    const island = [one]
    for (const reached of island) {
      for (const other of left) {
        if (!isOpen(reached, other) || !isOpen(other, reached)) continue
        left.delete(other)
        island.push(other)
      }
    }
    islands.push(island)
  }
  return islands
}
