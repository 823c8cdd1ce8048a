import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TesseraError } from '@tessera/contracts';
import fc from 'fast-check';
import { parseLabelingConfig } from './labeling-config.js';

const parse = (text: string) => parseLabelingConfig(text, '/label_config');

function refused(message: RegExp): (error: unknown) => boolean {
  return (error) =>
    TesseraError.isInstance(error) &&
    error.code === 'TSR_VALIDATION' &&
    error.fields[0]?.pointer === '/label_config' &&
    message.test(error.message);
}

describe('a labeling configuration', () => {
  it('has controls with their labels, and images', () => {
    const { controls, images, isEmpty } = parse(`
      <View>
        <Style>.lsf-main-content > div { padding: 1em }</Style>
        <Image name="image" value="$photo" zoom="true"/>
        <BrushLabels name="brush" toName="image">
          <View style="display: flex"><Label value="Dog" background="#FF0000"/></View>
          <Label value="Cats &amp; kittens" alias="cat" predicted_values="cat, the kitten ,"/>
        </BrushLabels>
        <KeyPointLabels name="point" toName="image" smart="true"><Label value="Dog"/></KeyPointLabels>
        <RectangleLabels name="box" toName="image" smart="true"><Label value="Dog"/></RectangleLabels>
        <polygonlabels name="outline" toName="other, image"><Label value="House"/></polygonlabels>
        <TextArea name="prompt" toName="image"/>
      </View>`);
    assert.deepEqual(images, new Map([['image', 'photo']]));
    assert.equal(isEmpty, false);
    assert.deepEqual(controls, [
      {
        kind: 'brushlabels',
        name: 'brush',
        toName: 'image',
        isSmart: false,
        labels: [
          { name: 'Dog', queries: ['Dog'] },
          { name: 'cat', queries: ['cat', 'the kitten'] },
        ],
      },
      {
        kind: 'rectanglelabels',
        name: 'box',
        toName: 'image',
        isSmart: true,
        labels: [{ name: 'Dog', queries: ['Dog'] }],
      },
      {
        kind: 'polygonlabels',
        name: 'outline',
        toName: 'image',
        isSmart: false,
        labels: [{ name: 'House', queries: ['House'] }],
      },
    ]);
  });

  it('may be empty, and may have controls that are not for images', () => {
    assert.equal(parse('<View></View>').isEmpty, true);
    assert.equal(parse('\ufeff<?xml version="1.0"?>\n<View/>').isEmpty, true);
    const text =
      '<View><Text name="t" value="$t"/><RectangleLabels name="r" toName="t"><Label value="a"/></RectangleLabels></View>';
    assert.deepEqual(parse(text).controls, []);
    const list =
      '<View><Image name="i" valueList="$l"/><BrushLabels name="r" toName="i"><Label value="a"/></BrushLabels></View>';
    assert.deepEqual(parse(list).controls, []);
  });

  it('has labels with a name and words alone', () => {
    const text =
      '<View><Image name="i" value="$i"/><BrushLabels name="b" toName="i"><Label/><Label value=" "/></BrushLabels></View>';
    assert.deepEqual(parse(text).controls[0]?.labels, []);
  });
});

describe('a hostile labeling configuration', () => {
  const laughs = Array.from({ length: 9 }, (_, level) => `<!ENTITY l${level + 1} "${`&l${level};`.repeat(10)}">`).join(
    '',
  );
  const cases: [name: string, text: string, message: RegExp][] = [
    ['entities that grow', `<!DOCTYPE v [<!ENTITY l0 "ha">${laughs}]><View>&l9;</View>`, /document type/],
    [
      'an entity that is a file',
      '<!DOCTYPE v [<!ENTITY f SYSTEM "file:///etc/passwd">]><View>&f;</View>',
      /document type/,
    ],
    ['a document type elsewhere', '<!DOCTYPE v SYSTEM "http://127.0.0.1/x.dtd"><View/>', /document type/],
    ['an unknown entity', '<View>&xxe;</View>', /not well-formed/],
    ['tags that do not match', '<View><Image></View>', /not well-formed/],
    ['two roots', '<View/><View/>', /not well-formed/],
    ['no tag at all', 'just text', /not well-formed/],
    ['nothing', '', /not well-formed/],
    ['an end in the middle', '<View><Image name="a', /not well-formed/],
    ['the same attribute twice', '<View a="1" a="2"/>', /not well-formed/],
    ['a NUL', '<View>\0</View>', /not well-formed/],
    ['too much text', `<View>${'x'.repeat(200_000)}</View>`, /200000 characters/],
    ['too many tags', `<View>${'<a/>'.repeat(10_001)}</View>`, /10000 tags/],
    ['too deep a nest', `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`, /deeper than 100/],
    ['a name that is too long', `<BrushLabels name="${'x'.repeat(513)}" toName="i"/>`, /name that is too long/],
  ];
  for (const [name, text, message] of cases) {
    it(`with ${name} is refused before it grows`, () => {
      const startedAt = performance.now();
      assert.throws(() => parse(text), refused(message));
      // Milliseconds; the entities would take minutes, on any machine.
      assert.ok(performance.now() - startedAt < 20_000);
    });
  }

  it('has no names that reach into objects', () => {
    const text =
      '<View><Image name="__proto__" value="$constructor" __proto__="x"/><BrushLabels name="b" toName="__proto__"><Label value="toString"/></BrushLabels></View>';
    const { controls, images } = parse(text);
    assert.deepEqual([...images], [['__proto__', 'constructor']]);
    assert.equal(controls[0]?.labels[0]?.name, 'toString');
    assert.equal(({} as { x?: unknown }).x, undefined);
  });

  it('of any text is read or refused, and nothing else', () => {
    const parts = fc.constantFrom(
      '<View>',
      '</View>',
      '<Label value="a"/>',
      '<',
      '&amp;',
      '&',
      '"',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '\ud800',
      'x',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (texts) => {
        try {
          parse(texts.join(''));
        } catch (error) {
          assert.ok(refused(/./)(error), String(error));
        }
      }),
    );
  });
});
