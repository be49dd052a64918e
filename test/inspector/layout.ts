/** What is cut off in the page as it is drawn, and where its focus goes. Texts that run in the page. */

const parts = `
  const all = (root) => [...root.querySelectorAll('*')].flatMap((each) => [each, ...(each.shadowRoot ? all(each.shadowRoot) : [])])
  const parent = (element) => element.parentElement ?? element.getRootNode().host
  const chain = (element) => {
    const found = []
    for (let each = element; each; each = parent(each)) found.push(each)
    return found
  }
  const visible = (element) => element.checkVisibility({ visibilityProperty: true })
  const name = (element) => element.localName + ' ' + (element.getAttribute('aria-label') ?? element.getAttribute('href') ?? element.textContent.trim().replace(/\\s+/g, ' ').slice(0, 40))
`

/**
 * Words beyond the edges of the page that nothing scrolls to, or that are cut without saying so: where there is an
 * ellipsis, a title has the whole.
 */
export const cutOff = `(() => {
  ${parts}
  const found = []
  for (const element of all(document)) {
    if (!visible(element) || element.closest('.unseen, option, select')) continue
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '')
    if (!words || ['title', 'style', 'script'].includes(element.localName)) continue
    const { left, right } = element.getBoundingClientRect()
    const around = chain(element)
    const scrolled = around.some((each) => ['auto', 'scroll'].includes(getComputedStyle(each).overflowX) && each.scrollWidth > each.clientWidth)
    const clipped = around.find((each) => each.clientWidth > 0 && getComputedStyle(each).textOverflow === 'ellipsis')
    const inSvg = element instanceof SVGElement && element.ownerSVGElement
    if (inSvg) {
      const frame = element.ownerSVGElement.getBoundingClientRect()
      if (!scrolled && (left < frame.left - 1 || right > frame.right + 1)) found.push('beyond its picture: ' + name(element))
    }
    if (!scrolled && !clipped && (left < -1 || right > innerWidth + 1)) found.push('beyond the page: ' + name(element))
    const hiding = around.find((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0 && getComputedStyle(each).overflowX === 'hidden')
    if (!hiding || inSvg || scrolled) continue
    const full = around.some((each) => each.title || each.getAttribute('aria-label'))
    if (getComputedStyle(hiding).textOverflow !== 'ellipsis' && !clipped) found.push('cut: ' + name(element))
    else if (!full) found.push('cut, and nothing tells the whole: ' + name(element))
  }
  return [...new Set(found)]
})()`

/** All that does something and can be seen or scrolled to, in its order. */
export const tabStops = `(() => {
  ${parts}
  const does = 'a[href], button, select, input, summary, [tabindex="0"]'
  const stops = all(document).filter((element) => element.matches(does) && visible(element) && element.tabIndex >= 0 && !element.disabled)
  return stops.map(name)
})()`

/** The next tab leads to the first stop. */
export const fromTheTop = `(() => {
  const top = document.createElement('span')
  top.tabIndex = -1
  document.body.prepend(top)
  top.focus()
  top.remove()
})()`

export interface TabStop {
  readonly name: string
  readonly outlined: boolean
  readonly inSight: boolean
}

/** Where the focus is; null: nowhere in the page. */
export const tabStop = `(() => {
  ${parts}
  let element = document.activeElement
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  if (!element || element === document.body) return null
  const drawn = (each) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(each)
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2
  }
  // In a long list it is the current row that shows it.
  const current = element.querySelector('.current')
  const { left, right, top, bottom } = (current ?? element).getBoundingClientRect()
  return {
    name: name(element),
    outlined: drawn(element) || (current !== null && drawn(current)),
    inSight: right > 0 && left < innerWidth && bottom > 0 && top < innerHeight,
  }
})()`
