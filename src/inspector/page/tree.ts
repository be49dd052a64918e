/** JSON as nested lists that fold. */

import { css, html, nothing, type TemplateResult } from 'lit'
import type { Json } from '../record.ts'
import { byteSize, grouped } from './look.ts'

const entriesMax = 100
/** Larger ones are folded at first. */
const openMax = 6

export const treeLook = css`
  .tree {
    list-style: none;
    margin: 2px 0 0;
    padding: 0;
    font-size: 12px;
    overflow-wrap: anywhere;
  }
  .tree .tree {
    margin-left: 5px;
    padding-left: 11px;
    border-left: 1px solid var(--rule);
  }
  .tree li {
    padding: 1px 0;
  }
  .tree .leaf {
    padding-left: 14px;
  }
  .tree summary {
    cursor: pointer;
    list-style: none;
  }
  .tree summary::before {
    content: '▸';
    display: inline-block;
    width: 14px;
    color: var(--faint);
  }
  .tree details[open] > summary::before {
    content: '▾';
  }
  .tree summary:focus-visible {
    outline: 2px solid var(--accent);
  }
  .tree .key {
    color: var(--text);
  }
  .tree .value {
    font-family: var(--mono);
    color: var(--ink);
  }
  .tree .value.text {
    color: var(--good);
  }
  .tree .value.none {
    color: var(--faint);
  }
`

export function tree(value: { readonly [key: string]: Json } | readonly Json[], depth = 0): TemplateResult {
  const entries = Object.entries(value)
  if (entries.length === 0) return html`<span class="faint">empty</span>`
  return html`<ul class="tree">${entries.slice(0, entriesMax).map(([key, item]) => entry(key, item, depth))}${
    entries.length > entriesMax
      ? html`<li class="leaf faint">and ${grouped(entries.length - entriesMax)} more</li>`
      : nothing
  }</ul>`
}

function entry(key: string, item: Json, depth: number): TemplateResult {
  const stands = standsFor(item)
  if (typeof item !== 'object' || item === null || stands) {
    return html`<li class="leaf"><span class="key">${key}</span> ${stands ?? scalar(item as null)}</li>`
  }
  const count = Object.keys(item).length
  if (count === 0)
    return html`<li class="leaf"><span class="key">${key}</span> <span class="value none">none</span></li>`
  return html`<li><details ?open=${depth < 2 && count <= openMax}><summary><span class="key">${key}</span>
    <span class="faint">${grouped(count)}</span></summary>${tree(item as readonly Json[], depth + 1)}</details></li>`
}

function scalar(item: null | boolean | number | string): TemplateResult {
  if (item === null) return html`<span class="value none">–</span>`
  return html`<span class="value ${typeof item === 'string' ? 'text' : ''}">${String(item)}</span>`
}

/** What is in the place of a secret, or of something large. */
function standsFor(item: Json): TemplateResult | undefined {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) return undefined
  const { hidden, bytes, hash } = item as { readonly [key: string]: Json }
  const keys = Object.keys(item).length
  if (hidden === true && keys === 1) return html`<span class="value none">hidden</span>`
  if (typeof bytes !== 'number' || typeof hash !== 'string' || keys !== 2) return undefined
  return html`<span class="value none" title=${hash}>${byteSize(bytes)}, not shown</span>`
}
