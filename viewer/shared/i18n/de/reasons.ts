import { ends } from "./ends";
import { health } from "./health";
import { stages } from "./stages";
import type { Messages } from "@/shared/i18n/messages";

/** Numbers in the sentences of the node have a point. */
const german = (words: string) => words.replaceAll(/(\d)\.(\d)/g, "$1,$2").replaceAll(" and ", " und ").replaceAll("not stated", "keine Angabe");

const kinds: Record<string, string> = {
  "a localizer": "eine Übersichtsaufnahme",
  "a projection": "eine Projektion",
  "a subtraction": "eine Subtraktion",
  "an average of slices": "ein Mittel von Schichten",
  "a screen capture": "ein Bildschirmfoto",
  "a mosaic of slices": "ein Mosaik von Schichten",
  "a phase image": "ein Phasenbild",
  "a velocity map": "eine Geschwindigkeitskarte",
  "a diffusion map": "eine Diffusionskarte",
  "a diffusion image": "ein Diffusionsbild",
  "a perfusion map": "eine Perfusionskarte",
  "a map of relaxation times": "eine Karte von Relaxationszeiten",
  "a virtual monoenergetic image": "ein virtuelles monoenergetisches Bild",
  "an image of one material": "das Bild eines Materials",
  "an image without one material": "ein Bild ohne ein Material",
  "an image of the share of a material": "das Bild des Anteils eines Materials",
  "an image with a material modified": "ein Bild mit einem veränderten Material",
  "an image of a material's values": "ein Bild der Werte eines Materials",
  "an image of atomic numbers": "ein Bild von Ordnungszahlen",
  "an image of electron densities": "ein Bild von Elektronendichten",
};

const populationLimits: Partial<Record<string, string>> = {
  age: "Alter",
  sex: "Geschlecht",
  "field strength": "Feldstärke",
  manufacturer: "Hersteller",
  sequence: "Sequenz",
  "slice thickness": "Schichtdicke",
  "tube voltage": "Röhrenspannung",
  "contrast agent": "Kontrastmittel",
};

export const reasons: Messages["reasons"] = {
  noAnalysisFits: (series, reason) => `Keine Analyse passt${series === null ? "" : ` zu Serie ${series}`}: ${reason}`,
  sentences: {
    no_instances: () => "Die Serie hat keine Bilder.",
    modality: ({ modality, wanted }) => `Die Modalität ist ${modality}; genommen wird nur ${wanted}.`,
    modality_missing: ({ wanted }) => `Die Modalität ist nicht angegeben; genommen wird nur ${wanted}.`,
    modalities: ({ modality, wanted }) => `Die Modalität ist ${modality}; genommen werden ${german(wanted)}.`,
    modalities_missing: ({ wanted }) => `Die Modalität ist nicht angegeben; genommen werden ${german(wanted)}.`,
    other_objects: ({ kind, modality }) => `Die Serie enthält ${kind}, keine ${modality}-Bilder.`,
    image_type: ({ image_type: type, kind }) => `ImageType ist ${type}: Die Serie ist ${kinds[kind] ?? kind}.`,
    named_localizer: ({ keyword, text }) => `${keyword} ist ${text}: Die Serie ist eine Übersichtsaufnahme.`,
    photometric: ({ found }) => `PhotometricInterpretation ist ${found}; genommen wird nur MONOCHROME2.`,
    not_3d: () => "Die Aufnahme ist 2D (MRAcquisitionType); genommen wird nur 3D.",
    echo_time: ({ found, most }) => `Die Echozeit ist ${german(found)} ms; T1-gewichtete 3D-Aufnahmen haben höchstens ${german(most)} ms.`,
    repetition_time: ({ found, most }) => `Die Repetitionszeit ist ${german(found)} ms; T1-gewichtete 3D-Aufnahmen haben höchstens ${german(most)} ms.`,
    contrast: ({ found }) => `AcquisitionContrast ist ${found}; genommen wird nur T1.`,
    named_contrast: ({ keyword, text }) => `${keyword} ist ${text} und nennt damit einen anderen Kontrast als T1.`,
    not_t1: ({ text, echo_time: echo, repetition_time: repetition, inversion_time: inversion }) =>
      `Nichts besagt, dass die Serie T1-gewichtet ist (SeriesDescription ${text}, Echozeit: ${german(echo)}, Repetitionszeit: ${german(repetition)}, Inversionszeit: ${german(inversion)}).`,
    not_head: ({ found }) => `BodyPartExamined ist ${found}; genommen wird nur der Kopf.`,
    named_body_part: ({ keyword, text }) => `${keyword} ist ${text} und nennt damit einen anderen Körperteil als den Kopf.`,
    few_slices: ({ count, least }) => `Die Serie hat ${count} Schichten; ein ganzer Kopf braucht mindestens ${least}.`,
    no_frame_of_reference: () => "FrameOfReferenceUID fehlt; ein Ergebnis hätte darum keinen Ort im Patienten.",
    large_voxels: ({ found, most }) => `Die Voxel messen ${german(found)} mm; höchstens ${german(most)} mm werden genommen.`,
    head_extent: ({ found, least, most }) => `Das Volumen misst ${german(found)} mm; ein ganzer Kopf braucht in jeder Richtung ${least} bis ${most} mm.`,
    rescale_type: ({ found }) => `RescaleType ist ${found}; Dichten werden in HE gemessen.`,
    not_chest: ({ found }) => `BodyPartExamined ist ${found}; genommen wird nur der Thorax.`,
    nothing_says_chest: ({ text }) =>
      `Nichts besagt, dass die Serie den Thorax zeigt (BodyPartExamined ist nicht angegeben, SeriesDescription ist ${text}).`,
    tube_voltages: ({ found }) =>
      `Die Bilder sind mit ${german(found)} kV aufgenommen (KVP); Dichten werden mit Grenzen für eine einzige Röhrenspannung verglichen. Die Bilder jeder Spannung als eigene Serie senden lassen.`,
    not_axial: ({ found }) => `Die Schichten sind um ${found}° gegen die axiale Ebene gekippt; höchstens 30° werden genommen.`,
    slice_distance: ({ found, most }) => `Die Schichten liegen ${german(found)} mm auseinander; höchstens ${german(most)} mm werden genommen.`,
    short_series: ({ found, least }) => `Die Serie ist ${found} mm lang; Lungen brauchen mindestens ${least} mm.`,
    narrow_field: ({ found, least }) => `Das Bildfeld ist ${found} mm breit; beide Lungen brauchen ${least} mm.`,
    no_image: () => "Es ist kein Bild.",
    not_grey: ({ found }) => `Die Pixel sind ${found === "of an unstated kind" ? "von nicht angegebener Art" : found}; genommen werden Graustufen.`,
    several_frames: ({ count }) => `Das Bild hat ${count} Einzelbilder; genommen werden Bilder mit einem.`,
    many_films: ({ count, most }) => `Die Serie hat ${count} Aufnahmen; höchstens ${most} werden genommen.`,
    on_request: () => "Die Pipeline läuft auf Anforderung: wo eine Regel des Standorts sie nennt oder jemand sie startet.",
    imported: () =>
      "Die Serie wurde importiert. Pipelines laufen darauf, wenn jemand sie startet oder sie mit --run-pipelines importiert wird.",
    pictures_only: () => "Genommen wird nur ein hochgeladenes PNG oder JPEG, keine DICOM-Serie.",
    few_frames: ({ count, least }) => `Die Serie hat ${count} Schicht; ein Volumen braucht mindestens ${least}.`,
    several_sizes: ({ found }) => `Die Schichten haben verschiedene Größen (${found}).`,
    several_orientations: ({ count, first, second }) =>
      `Die Schichten haben ${count} verschiedene Orientierungen (die Schichten ${first} und ${second} sind nicht parallel).`,
    same_position: ({ first, second }) => `Die Schichten ${first} und ${second} liegen an derselben Stelle.`,
    gap: gapText,
    gap_once_more: (values) => gapText(values, " (ebenso an 1 weiteren Stelle)"),
    gaps: (values) => gapText(values, ` (ebenso an ${values.count} weiteren Stellen)`),
    tilt: ({ found }) => `Die Schichten sind um ${german(found)}° gegen die Richtung gekippt, in der sie gestapelt sind (Gantry-Neigung).`,
    ask_for_resend: () => "Erneut senden lassen.",
    send_whole_series: () => "Die ganze Serie senden lassen.",
    send_sizes_apart: () => "Bilder jeder Größe als eigene Serie senden lassen.",
    send_orientations_apart: () => "Jede Orientierung als eigene Serie senden lassen.",
    send_sets_apart: () => "Jeden Satz von Schichten als eigene Serie senden lassen.",
    ask_without_tilt: () => "Um eine Rekonstruktion ohne Neigung bitten.",
  },
  ends,
  stages,
  health,
  caveats: {
    outside_population: (limits) =>
      `Patient oder Aufnahme liegen außerhalb der Population, für die das Modell gemacht ist${limits.length === 0 ? "" : ` (${limits.map((one) => populationLimits[one] ?? one).join(", ")})`}.`,
    tube_voltages: () =>
      "Die Bilder wurden nicht mit einer einzigen Röhrenspannung erstellt: Hounsfield-Einheiten, und was nach ihnen gefunden wird, gelten womöglich nicht für eine einzige.",
    registered_with_residual: () =>
      "Die Serien wurden mit einer größeren Restabweichung aufeinander registriert, als die Karte des Modells vorsieht.",
    not_compared: () => "Mit einem früheren Wert wird nicht verglichen.",
    other_breath: () => "Der frühere Wert gilt für eine andere Atemlage.",
    other_slices: () => "Das frühere Volumen wurde auf anderen Schichten bestimmt.",
    other_side: () => "Die Seite des früheren Werts ist nicht sicher.",
    not_found_now: () => "Eine Lunge, die früher einen Wert hatte, wurde jetzt nicht gefunden.",
    no_left_lung: () =>
      "In den Bildern wurde keine linke Lunge gefunden: Sie ist entfernt, kollabiert oder verdichtet oder ließ sich nicht abgrenzen. Die Angaben gelten allein für die rechte Lunge.",
    no_right_lung: () =>
      "In den Bildern wurde keine rechte Lunge gefunden: Sie ist entfernt, kollabiert oder verdichtet oder ließ sich nicht abgrenzen. Die Angaben gelten allein für die linke Lunge.",
    side_not_certain: () =>
      "Ein Teil des Gefundenen liegt jenseits der Körpermitte und kann zur anderen Lunge gehören.",
    hounsfield_scale: () =>
      "Luft hat in den Bildern nicht −1000 HE: Ihre Hounsfield-Skala ist verschoben, und die Dichten sind nicht die der Patientin oder des Patienten.",
    free_air: () =>
      "Ein großer Bereich Luft ohne Lungenstruktur zählt als Lunge und als Emphysem: eine Bulla, freie Luft (Pneumothorax) oder ein großer Atemweg.",
    streaks: () =>
      "In der Lunge oder höchstens 20 mm neben ihr liegt Metall oder unverdünntes Kontrastmittel (ab 3000 HE): Die Streifen davon verändern ihre Dichte, und dunkle zählen als Emphysem.",
    lossy_compression: () =>
      "Die Bilder wurden verlustbehaftet komprimiert: Grauwerte, Dichten und Ränder sind nicht die der Aufnahme.",
    ages_contradict: () =>
      "Geburtsdatum und angegebenes Alter widersprechen sich: Bitte prüfen, ob die Bilder von dieser Person stammen. Mit altersabhängigen Werten wird nichts verglichen.",
    born_after_study: () =>
      "Das Geburtsdatum liegt nach dem Datum der Untersuchung: Bitte prüfen, ob die Bilder von dieser Person stammen.",
  },
};

function gapText(values: Record<"first" | "second" | "found" | "usual", string>, elsewhere = ""): string {
  const { first, second, found, usual } = values;
  return `Die Schichten ${first} und ${second} liegen ${german(found)} mm auseinander, die übrigen ${german(usual)} mm${elsewhere}.`;
}
