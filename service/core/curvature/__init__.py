"""Second derivatives of the loss: Hessians exact or applied without being formed, their spectra and bounds."""
