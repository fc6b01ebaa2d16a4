# What the person with the spreadsheet types into desk.results.csv before it is run again: one line for each mistake.
# An address without its domain
s/joel\.brandt@,/joel.brandt@northquay.example,/
# A type that does not exist
s/Joel Brandt,e-mail,/Joel Brandt,email,/
# A password that was forgotten
s/nq-fx-04,,/nq-fx-04,pale-blue-dot-13,/
# "maybe" is neither yes nor no
s/Metals,,maybe,/Metals,,no,/
# The same inbox a second time: the macro desk gets one of its own
s/Ingrid Sol,email,Rates morning notes,/Ingrid Sol,email,Macro copy of the rates notes,/
