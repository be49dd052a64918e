/** The drawings' colours as custom properties, so that the page's theme decides and not only the system's. */

import { css, unsafeCSS } from 'lit'
import { dark, light, rules, shapes } from '../../../machines/drawings/style.ts'

const names = Object.keys(light) as (keyof typeof light)[]
const variables = Object.fromEntries(names.map((name) => [name, `var(--chart-${name})`])) as Record<
  keyof typeof light,
  string
>

/** For the element that shows a drawing. */
export const chartStyle = css`${unsafeCSS(shapes)}${unsafeCSS(rules(variables))}`

export function applyChartColours(isDark: boolean): void {
  const colours = isDark ? dark : light
  for (const name of names) document.documentElement.style.setProperty(`--chart-${name}`, colours[name])
}
