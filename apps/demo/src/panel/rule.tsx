import { emblems } from '../art/index.ts'
import { titleCase } from '../captions.ts'
import type { IslandFrame } from '../frame.ts'
import type { SeaModel } from '../model.ts'
import { Emblem, Icon } from '../parts/icons.tsx'

/** Treasures a visitor may put into a chest. */
export const treasures = ['bell', 'map', 'pearl', 'coral', 'compass', 'amber'] as const

export type RuleProps = { readonly model: SeaModel; readonly island: IslandFrame } & (
  | { readonly kind: 'flag' | 'stow' | 'tally' }
  | { readonly kind: 'take'; readonly item: string }
)

/** The visitor rules the island: raise a flag, put in or take out a treasure, add to the tally. */
export function Rule(props: RuleProps) {
  const { model, island } = props
  switch (props.kind) {
    case 'flag':
      return (
        <fieldset class="rule" aria-label="Raise a flag">
          {emblems.map((flag) => (
            <button
              key={flag}
              type="button"
              class="chip"
              aria-pressed={island.flag === flag}
              aria-label={`Raise the ${flag}`}
              title={titleCase(flag)}
              onClick={() => model.write(island.seat, { leaf: 'flag', value: flag })}
            >
              <Emblem flag={flag} />
            </button>
          ))}
        </fieldset>
      )
    case 'stow':
      return (
        <fieldset class="rule" aria-label="Put in a treasure">
          {treasures
            .filter((item) => !island.chest.includes(item))
            .map((item) => (
              <button
                key={item}
                type="button"
                class="chip"
                aria-label={`Put in the ${item}`}
                onClick={() => model.write(island.seat, { leaf: 'chest', item, way: 'add' })}
              >
                <Icon name="plus" />
                {item}
              </button>
            ))}
        </fieldset>
      )
    case 'take':
      return (
        <button
          type="button"
          aria-label={`Take out the ${props.item}`}
          onClick={() => model.write(island.seat, { leaf: 'chest', item: props.item, way: 'remove' })}
        >
          <Icon name="close" />
        </button>
      )
    case 'tally':
      return (
        <>
          <button
            type="button"
            class="chip"
            aria-label="+1 to the tally"
            onClick={() => model.write(island.seat, { leaf: 'tally', by: 1 })}
          >
            +1
          </button>
          <button
            type="button"
            class="chip"
            aria-label="+5 to the tally"
            onClick={() => model.write(island.seat, { leaf: 'tally', by: 5 })}
          >
            +5
          </button>
        </>
      )
  }
}
