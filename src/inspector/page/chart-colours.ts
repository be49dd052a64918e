/** The drawings' colours in both themes, as the page has it and not only the system. */

import { css, unsafeCSS } from 'lit'
import { dark, light, rules, shapes } from '../../../machines/drawings/style.ts'

const names = Object.keys(light) as (keyof typeof light)[]
const either = Object.fromEntries(names.map((name) => [name, `light-dark(${light[name]},${dark[name]})`])) as Record<
  keyof typeof light,
  string
>

/** For the element that shows a drawing. */
export const chartStyle = css`${unsafeCSS(shapes)}${unsafeCSS(rules(either))}`
