import type { Messages } from "@/shared/i18n/messages";

export const refusals: Messages["refusals"] = {
  images: {
    ofSome: "Hier stehen nur einige Bilder der Serie. Die ganze Serie lässt sich aus der Liste öffnen.",
    none: "Die Serie enthält keine Bilder.",
    tooManyFrames: (images, most) =>
      images === 1
        ? `Ein Bild gibt mehr als ${most} Einzelbilder an und wird nicht gezeigt.`
        : `${images} Bilder geben mehr als ${most} Einzelbilder an und werden nicht gezeigt.`,
    noOrientation: (frames) => `Einige ${frames ? "Einzelbilder" : "Bilder"} haben keine Orientierung`,
    noPosition: (frames) => `Einige ${frames ? "Einzelbilder" : "Bilder"} haben keine Position`,
    notParallel: (frames) => `Die ${frames ? "Einzelbilder" : "Bilder"} liegen nicht in parallelen Ebenen`,
    byNumber: (cause) => `${cause}: geordnet nach Bildnummer.`,
    noVolume: (cause) => `${cause} und bilden darum kein Volumen.`,
    tooFew: "Ein Volumen braucht mindestens 3 Schichten.",
    noSpacing: "Der Pixelabstand fehlt; die Schichten haben darum keine Größe im Raum.",
    matrix: "Die Schichten haben verschiedene Matrixgrößen.",
    samePlace: "Mehrere Schichten liegen an derselben Stelle.",
    gap: (first, gap, usual) =>
      `Die Schichten ${first} und ${first + 1} liegen ${gap} mm auseinander, die übrigen ${usual} mm. Erneut senden lassen.`,
    holes: (first, gap, usual, more) =>
      `Es fehlen womöglich Bilder: ${first} und ${first + 1} liegen ${gap} mm auseinander, die meisten anderen ${usual} mm${more === 0 ? "" : more === 1 ? "; ebenso an 1 weiteren Stelle" : `; ebenso an ${more} weiteren Stellen`}.`,
    spacings: (one, other) =>
      `Die Pixel einiger Schichten messen ${one} mm, die anderer ${other} mm. Um Bilder einer Größe als eigene Serie bitten.`,
    frames: (count) => `Die Schichten nennen ${count} Bezugssysteme, ihre Orte lassen sich also nicht vergleichen.`,
    turned: "Einige Schichten sind in ihrer Ebene gedreht: Ihre Zeilen laufen anders als die der übrigen. Um sie als eigene Serie bitten.",
    sheared: (mm) =>
      `Die Schichten sind um bis zu ${mm} mm gegeneinander verschoben, wie eine gekippte Gantry sie liefert: Ebenen durch sie würden Orte und Längen falsch zeigen. Im Stapel lesen, oder um eine gerade Rekonstruktion bitten.`,
    black:
      "Einige Bilder der Serie ließen sich nicht zeichnen und sind in diesen Ebenen schwarz. Siehe den Stapel (m).",
    fewValues: (found, expected) => `die Pixel ergeben ${found} Werte statt ${expected}`,
    otherBits: (bitsStored, highBit) =>
      `die Werte haben ${bitsStored} Bits bis Bit ${highBit}, und daneben sind andere Bits gesetzt`,
  },
  presentation: {
    unnamed: "Präsentationszustand",
    noLut: "Die Presentation LUT des Zustands wird nicht angewandt",
    noBitmapShutter: "Der Verschluss des Zustands ist eine Bitmap, die nicht darübergelegt wird: was er verdecken soll, ist zu sehen",
    noSubtraction: "Der Zustand zieht eine Maske ab; die Bilder werden ohne das gezeigt",
    noTrueSize: "Der Zustand verlangt wahre Größe; gezeigt wird so groß, wie es passt",
  },
  mask: {
    wholeSlide: "Segmentierungen ganzer Objektträger werden hier nicht gezeichnet. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter.",
    unknownForm: "Ihr Aufbau ist diesem Viewer unbekannt. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter.",
    grid: {
      geometry: "Sie nennt nicht, wie ihre Ebenen im Patienten liegen. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter oder bitten Sie um einen neuen Export.",
      directions: "Ihre Ebenen liegen in mehreren Richtungen. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter.",
      pixels: "Ihre Pixel sind in einer Form gespeichert, die dieser Viewer nicht kennt. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter.",
      too_large: "Sie hat mehr als 400 Millionen Pixel und ein anderes Raster als die Bilder, zu viele zum Umrechnen. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter.",
    },
    otherFrame: "Sie hat ein anderes Bezugssystem (Frame of Reference) als die Bilder; wo sie auf ihnen liegt, ist nicht bekannt. Laden Sie sie unter „Ergebnisse und Dokumente“ herunter oder bitten Sie um eine, die auf dieser Serie erstellt ist.",
    notItsOwnGrid: "Diese Maske wurde auf diese Bilder umgerechnet und lässt sich hier nicht bearbeiten. Bitten Sie um eine, die auf dieser Serie erstellt ist.",
    noLabelMap: "Die Maske hat auf dieser Serie keine Label-Map.",
    overlapping: "Die Segmente dieser Maske überlappen. Sie lassen sich hier nicht bearbeiten.",
  },
  node: {
    status: (status) => `Der Knoten antwortete mit Status ${status}.`,
    silent: "Der Knoten antwortet nicht.",
    noConnection: "Die Verbindung zum Knoten ist gescheitert.",
    isItRunning: "Prüfen, ob der Knoten läuft (mediview doctor), dann erneut versuchen.",
    noPart: "Die mehrteilige Antwort des Knotens hat keinen Teil.",
    cutShort: "Die mehrteilige Antwort des Knotens ist unvollständig.",
    viewerFailed: "Im Viewer ist ein Fehler aufgetreten.",
  },
};
