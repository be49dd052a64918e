/** In random order (Fisher and Yates); `fraction`: uniform in [0, 1). */
export function shuffled<T>(items: readonly T[], fraction: () => number): T[] {
  const mixed = [...items]
  for (let last = mixed.length - 1; last > 0; last -= 1) {
    const other = Math.floor(fraction() * (last + 1))
    ;[mixed[last], mixed[other]] = [mixed[other] as T, mixed[last] as T]
  }
  return mixed
}
