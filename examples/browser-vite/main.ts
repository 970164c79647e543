import { broadcastChannel, connect, flag, indexedDb, map, openReplica, schema, webSocket } from 'rejoin'

const Shopping = schema({ items: map({ done: flag(false) }) })
const server = new URLSearchParams(location.search).get('server') ?? `ws://${location.hostname}:4000/sync`

const replica = await openReplica({ storage: indexedDb('shopping') })
const list = await replica.open('shopping', Shopping) // what is on this disk, at once
const net = connect(replica, { transports: [webSocket(server), broadcastChannel()] })

const form = document.querySelector('form') as HTMLFormElement
const items = document.querySelector('ul') as HTMLUListElement
const status = document.querySelector('[role=status]') as HTMLParagraphElement

form.addEventListener('submit', (event) => {
  event.preventDefault()
  const what = String(new FormData(form).get('what')).trim()
  if (what === '') return
  list
    .change((draft) => draft.items.add(what))
    .reached('server')
    .then(render)
  form.reset()
})

items.addEventListener('click', (event) => {
  const button = event.target instanceof HTMLButtonElement ? event.target : undefined
  const what = button?.dataset['what']
  if (what === undefined) return
  list.change((draft) => {
    if (button?.name === 'remove') draft.items.delete(what)
    else draft.items.get(what).done.set(button?.name === 'done')
  })
})

list.subscribe(render)
net.onLink(render)
net.onHealed(({ ours, theirs, offlineMs }) => {
  console.log(`apart for ${offlineMs} ms: ${ours.changes} changes here, ${theirs.changes} there`)
})
render()

function render(): void {
  items.replaceChildren(
    ...Object.entries(list.snapshot.items).map(([what, { done }]) => {
      const item = document.createElement('li')
      const name = document.createElement('span')
      name.textContent = what
      item.dataset['done'] = String(done)
      item.append(name, button(done ? 'open' : 'done', what), button('remove', what))
      return item
    }),
  )
  const { changes } = list.unsaved
  status.textContent = `${net.link.state}${changes === 0 ? '' : `, ${changes} not on the server yet`}`
}

function button(name: 'done' | 'open' | 'remove', what: string): HTMLButtonElement {
  const element = document.createElement('button')
  element.name = name
  element.dataset['what'] = what
  element.textContent = name
  return element
}
