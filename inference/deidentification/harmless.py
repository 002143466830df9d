"""Texts that the table of PS3.15 annex E does not name and that say how an image was made.

Those that it names neither nor are here are emptied: nobody can tell what they say.
"""

HARMLESS_TEXTS = frozenset(
    (
        # Codes and private blocks
        "CodeValue LongCodeValue URNCodeValue CodingSchemeDesignator CodingSchemeVersion"
        " CodeMeaning"
        " MappingResourceName PrivateCreatorReference DimensionIndexPrivateCreator"
        " FunctionalGroupPrivateCreator SelectorSequencePointerPrivateCreator"
        " SelectorAttributePrivateCreator AttributeOccurrencePrivateCreator"
        # Makers and versions
        " Manufacturer ManufacturerModelName SoftwareVersions ManufacturerModelVersion"
        " SecondaryCaptureDeviceManufacturer SecondaryCaptureDeviceManufacturerModelName"
        " SecondaryCaptureDeviceSoftwareVersions DetectorManufacturerName"
        " DetectorManufacturerModelName ReceiveCoilManufacturerName TransmitCoilManufacturerName"
        " ApplicationName ApplicationVersion ApplicationManufacturer AlgorithmName"
        " AlgorithmVersion AlgorithmSource SegmentAlgorithmName"
        # Acquisition and reconstruction
        " ConvolutionKernel SequenceName PulseSequenceName ReceiveCoilName TransmitCoilName"
        " MultiCoilConfiguration MultiCoilElementName ImagedNucleus FilterType TypeOfFilters"
        " CollimatorGridName PlateType PhosphorType AcquisitionMode DoseModeName"
        " AcquisitionDeviceProcessingCode TriggerSourceOrType CardiacFramingType PVCRejection"
        " TransducerData ProcessingFunction OutputPower ImageFilter EnergyWindowName"
        " ContrastBolusRoute Radionuclide Radiopharmaceutical RadiopharmaceuticalRoute"
        " AttenuationCorrectionMethod ReconstructionMethod ScatterCorrectionMethod"
        " DetectorLinesOfResponseUsed ASLBolusCutoffTechnique StackID"
        " DigitalImageFormatAcquired VideoImageFormatAcquired"
        # Geometry and display
        " PositionReferenceIndicator TargetPositionReferenceIndicator ImageGeometryType"
        " RescaleType ModalityLUTType FontName CSSFontName OpticalPathIdentifier"
        " ReferencedOpticalPathIdentifier TemplateName MIMETypeOfEncapsulatedDocument"
    ).split()
)
TYPED_TEXTS = frozenset(
    (
        "RescaleType ModalityLUTType ContrastBolusRoute EnergyWindowName PVCRejection Radionuclide"
        " Radiopharmaceutical RadiopharmaceuticalRoute PositionReferenceIndicator StackID"
    ).split()
)
"""Of those above: a few known words, or what people write."""
