/**
 * How far words and lines stand off from what they stand on, in the page as it is drawn, by its computed colours: WCAG 2.2,
 * 1.4.3 (text 4.5 to 1, large text 3 to 1) and 1.4.11 (lines and signs 3 to 1).
 */

/** Lines and signs that carry meaning. Frames and rules that only divide are none. */
const graphics = [
  ...['.map .body', '.map .line:not(.flow)', '.map .head', '.map .gossip:not(.within)', '.load rect', '.held'],
  ...['.swim path', '.swim .on rect', '.message .arrow', '.message .head', '.slide rect'],
  ...['.chart .edge path', '.chart path.edge', '.chart .state > .body', '.chart .initial'],
  ...['input', 'select', 'button:not(.quiet)'],
].join(',')

/** Runs in the page: what is too faint, as texts. Words that nobody sees and buttons that do nothing now are let off. */
export const faintest = `(() => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((each) => [each, ...(each.shadowRoot ? all(each.shadowRoot) : [])])
  const parent = (element) => element.assignedSlot ?? element.parentElement ?? element.getRootNode().host
  const colour = (text) => {
    const [r, g, b, a = 1] = (text.match(/[\\d.]+/g) ?? []).map(Number)
    if (!/^rgba?\\(/.test(text)) return text === 'none' || text === '' ? undefined : { odd: text }
    return { r, g, b, a }
  }
  const over = (top, below) => {
    const mix = (one, other) => one * top.a + other * (1 - top.a)
    return { r: mix(top.r, below.r), g: mix(top.g, below.g), b: mix(top.b, below.b), a: 1 }
  }
  const luminance = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ratio = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a)
    return (high + 0.05) / (low + 0.05)
  }
  const styleOf = new Map()
  const style = (element) => styleOf.get(element) ?? styleOf.set(element, getComputedStyle(element)).get(element)
  const chain = (element) => {
    const found = []
    for (let each = element; each; each = parent(each)) found.push(each)
    return found
  }
  const opacity = (element) => chain(element).reduce((product, each) => product * Number(style(each).opacity), 1)
  // Shapes that were drawn before an element and that its middle is in.
  const shapes = new Map()
  const below = (element) => {
    const svg = element.ownerSVGElement
    if (!svg) return undefined
    if (!shapes.has(svg)) shapes.set(svg, [...svg.querySelectorAll('rect, circle, ellipse, path')])
    const box = element.getBoundingClientRect()
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2]
    return shapes.get(svg).findLast((shape) => {
      if (shape === element || !(shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING)) return false
      const fill = colour(style(shape).fill)
      if (!fill || fill.a === 0 || style(shape).display === 'none') return false
      const at = shape.getBoundingClientRect()
      return at.x <= x && x <= at.right && at.y <= y && y <= at.bottom
    })
  }
  const ground = (element, from = element) => {
    const shape = below(element)
    const layers = shape ? [colour(style(shape).fill)] : []
    for (const each of chain(from)) {
      if (layers.at(-1)?.a === 1) break
      const layer = colour(style(each).backgroundColor)
      if (layer && layer.a > 0) layers.push(layer)
    }
    return layers.reduceRight((under, layer) => over(layer, under), { r: 255, g: 255, b: 255, a: 1 })
  }
  const problems = new Set()
  let looked = 0
  const judge = (element, what, drawn, on, wanted) => {
    looked++
    if (!drawn || drawn.odd) {
      problems.add(what + ': a colour that cannot be read, ' + JSON.stringify(drawn))
      return
    }
    const seen = over({ ...drawn, a: drawn.a * opacity(element) }, on)
    const found = ratio(seen, on)
    if (found < wanted) problems.add(what + ': ' + found.toFixed(2) + ' to 1, and not ' + wanted)
  }
  const name = (element) => element.localName + (element.getAttribute('class') ?? '').trim().split(/\\s+/).filter(Boolean).map((part) => '.' + part).join('')
  const visible = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest('.unseen, [disabled], title, defs')
  const elements = all(document)
  for (const element of elements) {
    if (!visible(element)) continue
    const words = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim() !== '').map((node) => node.data.trim()).join(' ')
    const isSvg = element instanceof SVGElement
    if (words !== '' && !['option', 'optgroup', 'style', 'script', 'title'].includes(element.localName)) {
      const { fontSize, fontWeight, color, fill, stroke, paintOrder, strokeWidth } = style(element)
      const size = parseFloat(fontSize)
      const large = size >= 24 || (size >= 18.66 && Number(fontWeight) >= 700)
      const halo = isSvg && paintOrder.startsWith('stroke') && parseFloat(strokeWidth) >= 3 ? colour(stroke) : undefined
      judge(element, name(element) + ' "' + words.slice(0, 30) + '"', colour(isSvg ? fill : color), halo ?? ground(element), large ? 3 : 4.5)
    }
    if (element.matches('input[type=search]')) {
      judge(element, 'placeholder', colour(getComputedStyle(element, '::placeholder').color), ground(element), 4.5)
    }
    if (!element.matches(${JSON.stringify(graphics)})) continue
    const { fill, stroke, borderTopColor, borderTopWidth } = style(element)
    if (!isSvg) {
      if (parseFloat(borderTopWidth) > 0 && !element.matches('[type=checkbox], [type=range]')) judge(element, name(element) + ', its border', colour(borderTopColor), ground(element, element), 3)
      continue
    }
    const box = element.getBoundingClientRect()
    if (box.width === 0 && box.height === 0) continue
    const line = colour(stroke)
    judge(element, name(element), line && line.a > 0 ? line : colour(fill), ground(element), 3)
  }
  return { looked, problems: [...problems] }
})()`

/** Runs in the page: badges, links between nodes and marks whose meaning is in their colour alone. */
export const byColourAlone = `(() => {
  const all = (root) => [...root.querySelectorAll('*')].flatMap((each) => [each, ...(each.shadowRoot ? all(each.shadowRoot) : [])])
  const elements = all(document)
  const problems = []
  for (const badge of elements.filter((each) => each.matches('.badge'))) {
    if (!badge.querySelector('.sign')?.textContent || !badge.querySelector('.words')?.textContent.trim()) problems.push('a badge without sign or words: ' + badge.outerHTML)
  }
  // Kinds of links must differ by how their lines are drawn, and nodes by what is written in them.
  const dashes = new Map()
  for (const line of elements.filter((each) => each.matches('.map .line:not(.doubt)'))) {
    const kind = [...line.classList].find((name) => name !== 'line')
    const { strokeDasharray, strokeWidth } = getComputedStyle(line)
    const look = strokeDasharray + ' ' + strokeWidth
    if ((dashes.get(look) ?? kind) !== kind) problems.push(kind + ' looks like ' + dashes.get(look))
    dashes.set(look, kind)
  }
  for (const node of elements.filter((each) => each.matches('.map g:has(.body)'))) {
    if (!node.querySelector('.sign')?.textContent || !node.querySelector('.word')?.textContent.trim()) problems.push('a node without sign or word')
  }
  const heights = new Map()
  for (const mark of elements.filter((each) => each.matches('.slide rect'))) heights.set(getComputedStyle(mark).fill + mark.getAttribute('height'), mark)
  return { kinds: dashes.size, problems }
})()`
